// A cluster in one thread, as far as a cleanup can see it: an API server with uids, resource
// versions and conflicts; Deployments whose pods come and go late; EndpointSlices that lag; agents
// that lag, fail and restart; clients. It knows the truth, and says where a promise was broken.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "drain/cleanup_plan.h"
#include "drain/switch_plan.h"

namespace drainbow {

// Reproducible everywhere: std::uniform_int_distribution is not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return engine_() % end; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  bool percent(std::size_t chance) { return below(100) < chance; }

 private:
  std::mt19937_64 engine_;
};

enum class AgentFault : std::uint8_t {
  kNone,
  kSilent,      // does not answer
  kFrozen,      // answers with what it knew when it froze
  kGarbage,     // no document
  kWrongPod,    // the address was given on
  kIncomplete,  // cannot count
};

struct ModelAgent {
  AgentFault fault = AgentFault::kNone;
  WallTime fault_since;
  int start = 1;
  int episode = 1;
  bool ever_selected = false;
  bool sees_selected = false;
  bool came_meanwhile = false;  // a connection, since the last refresh
  std::uint64_t open = 0;
  std::optional<WallTime> deselected_at;
  WallTime quiet_since;
  std::optional<WallTime> looked_at;
};

struct ModelPod {
  Pod pod;
  std::string owner_uid;
  ModelAgent agent;
  std::vector<WallTime> connections;  // open ones: since when
  std::vector<WallTime> opened;       // all that ever came
};

// What a cleanup's write is, for the checks.
enum class Write : std::uint8_t { kBookkeeping, kMark, kUnmark, kScale, kRestore };

struct ModelStats {
  int marked = 0, unmarked = 0, scaled = 0, restored = 0, deleted = 0, recreated = 0;
  int conflicts = 0, objections = 0, switches = 0, switches_failed = 0, put_back = 0;
};

class ModelCluster {
 public:
  // `hands`: people patch Services and scale colors by hand. Without, only drainbow switches.
  ModelCluster(Dice& dice, const Policy& policy, bool hands, int services);

  WallTime now() const { return now_; }
  const ModelStats& stats() const { return stats_; }
  ModelStats& stats() { return stats_; }
  const std::vector<std::string>& violations() const { return violations_; }
  const std::vector<std::string>& trace() const { return trace_; }
  void note(const std::string& line);
  void violation(const std::string& what);

  // --- what everybody sees
  std::vector<Deployment> deployments() const;
  std::vector<Service> services() const;
  std::vector<EndpointSlice> slices() const;
  std::vector<Pod> pods() const;
  const Deployment* deployment(const std::string& name) const;
  AgentAnswer ask(const std::string& pod_uid) const;

  // --- writes; false: a conflict
  bool cleanup_patch(const std::string& name, const ObjectVersion& judged,
                     const DeploymentPatch& patch, Write kind);
  bool cleanup_delete(const std::string& name, const ObjectVersion& judged);
  void cleanup_recreate(Deployment deployment);
  bool switch_patch(const std::string& name, const ObjectVersion& judged,
                    const DeploymentPatch& patch);
  // The Service's new version; nothing: a conflict.
  std::optional<ObjectVersion> patch_service(const ServicePatch& patch);

  // --- what else happens
  void tick();  // a second
  void release();
  void hand_select(const std::string& service, const std::string& color);
  void hand_scale(const std::string& name, std::uint64_t replicas);  // also an autoscaler
  void hand_protect(const std::string& name, bool protect);
  void hand_touch_service(const std::string& name);
  void hand_touch_deployment(const std::string& name);
  void evict(const std::string& pod_uid, bool leaves_object);
  void set_fault(const std::string& pod_uid, AgentFault fault);
  void restart_agent(const std::string& pod_uid);
  void connect(const std::string& pod_uid);
  void calm();  // all faults heal, all clients leave, nothing is protected
  void quiet_clients(bool quiet) { quiet_clients_ = quiet; }

  // --- the truth
  bool selected(const Deployment& deployment) const;
  std::vector<std::string> selected_colors() const;  // of the Services, as they say
  bool known_to_have_been_live(const std::string& name) const;

 private:
  std::string next_version() { return std::to_string(++version_); }
  std::string next_uid() { return "u" + std::to_string(++uid_); }
  void touch(Deployment& deployment) { deployment.version.resource_version = next_version(); }
  void follow_selection();  // keeps when each color was selected last, and since when
  void follow_service();
  void refresh(ModelPod& pod);
  void reconcile(Deployment& deployment);
  void advance_pods();
  void publish_slices();
  void move_clients();
  std::vector<ModelPod*> pods_of(const Deployment& deployment);
  void check_scale(const Deployment& deployment);
  void check_pod_before_scale(const Deployment& deployment, const ModelPod& pod);

  Dice& dice_;
  Policy policy_;
  bool hands_;
  bool quiet_clients_ = false;
  WallTime now_;
  int version_ = 100;
  int uid_ = 0;
  int colors_ = 0;
  std::map<std::string, Deployment> deployments_;
  std::map<std::string, Service> services_;
  std::map<std::string, EndpointSlice> slices_;
  std::map<std::string, ModelPod> pods_;            // by uid
  std::map<std::string, WallTime> selected_since_;  // by Deployment: while it is selected
  std::map<std::string, WallTime> selected_until_;  // by Deployment: the last time that it was
  WallTime served_at_;  // the last time that a live color had a ready pod
  ModelStats stats_;
  std::vector<std::string> violations_;
  std::vector<std::string> trace_;
};

}  // namespace drainbow
