// A namespace with a Service and two colors, for tests to change one thing of: `a` was left an hour
// ago and is drained, `b` is live and well.
#pragma once

#include <algorithm>
#include <string>

#include "drain/cleanup_plan.h"
#include "tests/drain/builders.h"

namespace drainbow {

inline void PrintTo(ColorVerdict verdict, std::ostream* out) { *out << to_string(verdict); }
inline void PrintTo(ActionKind kind, std::ostream* out) { *out << to_string(kind); }

inline const WallTime kNow = *parse_rfc3339("2026-11-21T12:00:00Z");
inline constexpr seconds kOneS{1};

inline ObjectVersion version(const std::string& uid, int resource_version) {
  return {uid, std::to_string(resource_version)};
}

inline Deployment deployment(const std::string& color, std::uint64_t replicas = 2) {
  const Labels labels = {{"app", "web"}, {"color", color}};
  return {.name = "web-" + color,
          .version = version("uid-web-" + color, 100),
          .created = kNow - hours(2),
          .template_labels = labels,
          .selector = {.match_labels = labels},
          .replicas = replicas,
          .available = true};
}

inline Pod pod_of(const Deployment& owner, int number) {
  const std::string name = owner.name + "-" + std::to_string(number);
  return {.name = name,
          .uid = "uid-" + name,
          .labels = owner.template_labels,
          .phase = PodPhase::kRunning,
          .ips = {"10.0." + owner.template_labels.at("color") + "." + std::to_string(number)},
          .ready = true,
          .app_started = true,
          .app_running = true,
          .has_agent = true};
}

inline AgentDocument drained_document(const Pod& pod) {
  return {.pod_uid = pod.uid,
          .verdict = Verdict::kDrained,
          .selection = SelectionState::kDeselected,
          .ever_selected = true,
          .deselected_for = hours(1),
          .open = 0,
          .idle_over = {{0, 0, 0, 0}},
          .quiet_for = hours(1),
          .quiet_period = seconds(30),
          .episode = "start-" + pod.name + ":1",
          .complete = true,
          .sample_age = seconds(1),
          .selection_age = seconds(60)};
}

inline Service service(const std::string& name, const std::string& color) {
  return {.name = name,
          .version = version("uid-" + name, 50),
          .selector = {{"app", "web"}, {"color", color}}};
}

struct Cluster {
  Inventory look;

  void add(const Deployment& added, int pods) {
    look.deployments.push_back(added);
    for (int i = 0; i < pods; ++i) {
      const Pod pod = pod_of(added, i);
      look.pods.push_back(pod);
      look.answers[pod.uid] = {.document = drained_document(pod), .round_trip = Millis(20)};
    }
  }

  void remove_pods(const std::string& color) {
    std::erase_if(look.pods, [&](const Pod& pod) { return pod.labels.at("color") == color; });
  }

  Deployment& of(const std::string& color) {
    return *std::ranges::find(look.deployments, "web-" + color, &Deployment::name);
  }
  Pod& pod(const std::string& color, int number) {
    return *std::ranges::find(look.pods, "web-" + color + "-" + std::to_string(number), &Pod::name);
  }
  AgentAnswer& answer(const std::string& color, int number) {
    return look.answers.at(pod(color, number).uid);
  }
  AgentDocument& document(const std::string& color, int number) {
    return *answer(color, number).document;
  }
  Service& service_named(const std::string& name) {
    return *std::ranges::find(look.services, name, &Service::name);
  }
  // The Service's slice: pods of the color that it selects.
  void add_slice(const std::string& service_name, const std::string& color) {
    EndpointSlice slice{.name = service_name + "-slice",
                        .version = version("uid-" + service_name + "-slice", 70),
                        .service = service_name};
    for (const Pod& pod : look.pods) {
      if (pod.labels.at("color") == color) slice.endpoints.push_back({pod.uid, pod.ips});
    }
    look.slices.push_back(slice);
  }

  // As a look `ago` would have marked it.
  void mark(const std::string& color, Millis ago) {
    Mark mark{.at = std::chrono::floor<seconds>(kNow - ago), .evidence = "drained"};
    for (const Pod& pod : look.pods) {
      if (pod.labels.at("color") == color) {
        mark.episodes[pod.uid] = look.answers.at(pod.uid).document->episode;
      }
    }
    for (const Service& one : look.services) {
      if (!one.ignored) mark.services[one.name] = one.version;
    }
    of(color).mark = mark;
  }

  // As the cleanup leaves it.
  void scale_to_zero(const std::string& color, Millis ago) {
    of(color).kept_replicas = of(color).replicas;
    of(color).replicas = 0;
    of(color).scaled_at = std::chrono::floor<seconds>(kNow - ago);
    remove_pods(color);
  }
};

inline Cluster two_colors() {
  Cluster cluster;
  cluster.add(deployment("a"), 2);
  cluster.of("a").last_selected_at = kNow - hours(1);
  cluster.add(deployment("b"), 2);
  cluster.of("b").last_selected_at = kNow - hours(1);
  for (int i : {0, 1}) {
    cluster.document("b", i).verdict = Verdict::kSelected;
    cluster.document("b", i).selection = SelectionState::kSelected;
    cluster.document("b", i).open = 7;
  }
  cluster.look.services.push_back(service("web", "b"));
  cluster.add_slice("web", "b");
  return cluster;
}

// Nothing is kept: most tests are about one old color.
inline CleanupConfig keep_none() { return {.policy = {.keep = 0}}; }

inline Color color_of(const Inventory& look, const std::string& name,
                      const CleanupConfig& config = keep_none()) {
  const Families families = find_families(look, config.color_label, config.policy);
  for (const Family& family : families.families) {
    for (const Color& color : family.colors) {
      if (color.deployment.name == "web-" + name) return color;
    }
  }
  for (const Color& color : families.orphans) {
    if (color.deployment.name == "web-" + name) return color;
  }
  ADD_FAILURE() << "no color " << name;
  return {};
}

inline Action action_on(const Inventory& look, const std::string& color,
                        const CleanupConfig& config = keep_none(), WallTime now = kNow) {
  for (Action& action : plan_cleanup(look, config, now)) {
    if (action.deployment == "web-" + color) return action;
  }
  ADD_FAILURE() << "no action on " << color;
  return {};
}

inline ActionKind kind_of(const Inventory& look, const std::string& color,
                          const CleanupConfig& config = keep_none(), WallTime now = kNow) {
  return action_on(look, color, config, now).kind;
}

}  // namespace drainbow
