// A namespace as one look saw it: what the cleanup and the switch decide from.
//
// A look reads the Deployments first, then the Services and EndpointSlices, then the pods and their
// agents. A switch that happens in between then shows as a newer resourceVersion, a hold or a
// selection.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drain/annotation.h"
#include "drain/count.h"
#include "drain/policy.h"
#include "drain/selection.h"
#include "drain/time.h"
#include "drain/verdict.h"

namespace drainbow {

// An object at one moment of its life. A write that carries both fails (409) if the object was
// replaced or changed since; so they are those of the object that was judged, never refreshed.
struct ObjectVersion {
  std::string uid;
  std::string resource_version;

  bool operator==(const ObjectVersion&) const = default;
};

// The look that found a color drained, as written on its Deployment.
struct Mark {
  WallTime at;
  std::map<std::string, std::string> episodes;    // by pod uid: an agent's episode
  std::map<std::string, ObjectVersion> services;  // of the family, by name
  std::string evidence;                           // for people

  bool operator==(const Mark&) const = default;
};

// A Deployment's selector (metav1.LabelSelector): all of it must match.
struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;

  bool operator==(const LabelRequirement&) const = default;
};

struct LabelSelector {
  Labels match_labels;
  std::vector<LabelRequirement> match_expressions;

  bool operator==(const LabelSelector&) const = default;
};

// False for an empty selector, which the API server refuses on a Deployment.
bool matches(const LabelSelector& selector, const Labels& labels);

struct Deployment {
  std::string name;
  ObjectVersion version;
  WallTime created;
  bool deleting = false;  // it has a deletionTimestamp
  Labels template_labels;
  LabelSelector selector;
  std::uint64_t replicas = 1;   // spec.replicas
  std::string replicas_set_by;  // the field manager that owns spec.replicas; empty: not known
  bool available = false;       // the condition Available is True

  Annotation<WallTime> last_selected_at;
  Annotation<WallTime> hold_until;
  Annotation<Mark> mark;
  Annotation<WallTime> scaled_at;
  Annotation<std::uint64_t> kept_replicas;  // `replicas`: what it had before it was scaled to zero
  Annotation<bool> protect;
  PolicyOverrides policy;
};

struct Service {
  std::string name;
  ObjectVersion version;
  Labels selector;
  bool ignored = false;
  std::string written_by;  // the field manager that wrote last; empty: not known
  PolicyOverrides policy;
};

enum class PodPhase : std::uint8_t { kPending, kRunning, kSucceeded, kFailed, kUnknown };

struct Pod {
  std::string name;
  std::string uid;
  Labels labels;
  PodPhase phase = PodPhase::kUnknown;
  std::vector<std::string> ips;
  bool ready = false;        // the condition Ready is True, and the pod is not being deleted
  bool app_started = false;  // some container of spec.containers runs or ever ran
  bool app_running = false;  // some container of spec.containers runs now
  bool has_agent = false;    // in its spec
};

struct SliceEndpoint {
  std::string target_uid;  // of targetRef; empty: it has none
  std::vector<std::string> addresses;
};

struct EndpointSlice {
  std::string name;
  ObjectVersion version;
  std::string service;  // of the label kubernetes.io/service-name; empty: it belongs to none
  std::vector<SliceEndpoint> endpoints;
};

// What of an agent's document matters here. What it does not say is nothing, never zero.
struct AgentDocument {
  std::string pod_uid;
  Verdict verdict = Verdict::kUnknown;
  std::vector<Reason> reasons;
  SelectionState selection = SelectionState::kUnknown;
  bool ever_selected = false;
  std::optional<Millis> deselected_for;
  std::optional<std::uint64_t> open;
  // Open connections silent for at least each of kIdleSteps. Nothing: idle times are not known.
  std::optional<std::array<std::uint64_t, kIdleSteps.size()>> idle_over;
  Millis quiet_for{0};
  Millis quiet_period{0};
  std::string episode;
  bool complete = false;
  // The count is incomplete for one reason only: no counted port was ever seen listening.
  bool only_no_listener = false;
  // An exact sample holds no inbound socket: none open, transient, ignored, loopback or half-open.
  bool no_inbound = false;
  std::optional<Millis> sample_age;
  std::optional<Millis> selection_age;
};

struct AgentAnswer {
  std::optional<AgentDocument> document;
  std::string problem;   // why there is no document: for people
  Millis round_trip{0};  // from the question sent to the whole answer read
  Millis held{0};        // since the look that it belongs to began; only a second look counts it
};

struct Inventory {
  std::vector<Deployment> deployments;
  std::vector<Service> services;
  std::vector<EndpointSlice> slices;
  std::vector<Pod> pods;
  std::map<std::string, AgentAnswer> answers;  // by pod uid
};

// In phase Succeeded or Failed: it holds no connection, and never will.
inline bool is_over(const Pod& pod) {
  return pod.phase == PodPhase::kSucceeded || pod.phase == PodPhase::kFailed;
}

}  // namespace drainbow
