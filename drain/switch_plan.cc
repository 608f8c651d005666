#include "drain/switch_plan.h"

#include <algorithm>

namespace drainbow {
namespace {

struct Target {
  const Family* family = nullptr;
  const Color* color = nullptr;
};

Result<Target> find_target(const Families& families, const std::string& deployment) {
  for (const Family& family : families.families) {
    for (const Color& color : family.colors) {
      if (color.deployment.name == deployment) return Target{&family, &color};
    }
  }
  for (const Color& color : families.orphans) {
    if (color.deployment.name == deployment) {
      return Error{"no Service's selector fits Deployment " + deployment +
                   ": a Service must select the same labels with another color"};
    }
  }
  return Error{"there is no Deployment " + deployment + " with a color in its pods' labels"};
}

Result<void> refuse(const Color& target) {
  const Deployment& deployment = target.deployment;
  const std::string name = "Deployment " + deployment.name;
  if (deployment.deleting) return Error{name + " is being deleted"};
  if (!target.overlaps.empty()) {
    return Error{"the selector of Deployment " + target.overlaps[0] + " matches pods of " + name +
                 " too: put the color into each Deployment's selector"};
  }
  if (deployment.kept_replicas.malformed()) {
    return deployment.kept_replicas.error().wrap("annotation drainbow.dev/replicas of " + name);
  }
  return {};
}

// Those that name a color and select another labels' worth of the family.
Result<std::vector<Service>> services_to_patch(const Family& family, const Color& target,
                                               const SwitchRequest& request,
                                               const std::string& color_label) {
  std::vector<Service> services;
  for (const Service& service : family.services) {
    Labels wanted = service.selector;
    if (!wanted.contains(color_label)) continue;
    wanted[color_label] = target.value;
    if (!selects(wanted, target.deployment.template_labels)) continue;
    const bool asked = request.services.empty() ||
                       std::ranges::find(request.services, service.name) != request.services.end();
    if (asked) services.push_back(service);
  }
  for (const std::string& name : request.services) {
    if (std::ranges::find(services, name, &Service::name) == services.end()) {
      return Error{"Service " + name + " cannot select Deployment " + target.deployment.name +
                   ": its selector must fit with another color"};
    }
  }
  if (services.empty()) return Error{"no Service of the family names a color in its selector"};
  return services;
}

bool selected_by_one_of(const Color& color, const std::vector<Service>& services) {
  return std::ranges::any_of(services, [&](const Service& service) {
    return std::ranges::find(color.selected_by, service.name) != color.selected_by.end();
  });
}

// Of the colors that the Services leave.
std::uint64_t most_ready(const Family& family, const Color& target,
                         const std::vector<Service>& services) {
  std::uint64_t most = 0;
  for (const Color& color : family.colors) {
    if (color.deployment.name == target.deployment.name) continue;
    if (selected_by_one_of(color, services)) most = std::max(most, color.ready_pods());
  }
  return most;
}

std::uint64_t wanted_replicas(const Color& target, const SwitchRequest& request,
                              std::uint64_t live_ready) {
  const std::uint64_t now = target.deployment.replicas;
  if (request.replicas) return std::max({*request.replicas, now, std::uint64_t{1}});
  if (now > 0) return now;
  const std::uint64_t* kept = target.deployment.kept_replicas.get();
  return std::max({kept == nullptr ? 0 : *kept, live_ready, std::uint64_t{1}});
}

DeploymentPatch holding(const Deployment& target, std::uint64_t replicas, WallTime now) {
  DeploymentPatch patch;
  if (replicas != target.replicas) patch.replicas = replicas;
  patch.hold_until = now + std::chrono::ceil<std::chrono::seconds>(kHold);
  if (target.mark.present()) patch.mark = Change<Mark>::drop();
  if (target.scaled_at.present()) patch.scaled_at = Change<WallTime>::drop();
  if (target.kept_replicas.present()) patch.kept_replicas = Change<std::uint64_t>::drop();
  return patch;
}

}  // namespace

Result<SwitchStart> begin_switch(const Inventory& look, const SwitchRequest& request,
                                 std::string_view color_label, WallTime now) {
  const Families families = find_families(look, color_label, {});
  const Result<Target> found = find_target(families, request.deployment);
  if (!found) return found.error();
  const Color& target = *found->color;
  if (const auto allowed = refuse(target); !allowed) return allowed.error();
  const auto services =
      services_to_patch(*found->family, target, request, std::string(color_label));
  if (!services) return services.error();
  const std::uint64_t live_ready = most_ready(*found->family, target, *services);
  const std::uint64_t replicas = wanted_replicas(target, request, live_ready);
  if (!request.replicas && replicas < live_ready) {
    return Error{"Deployment " + target.deployment.name + " wants " +
                 counted(replicas, "pod", "pods") + ", and the live color has " +
                 std::to_string(live_ready) + " ready: say --replicas " +
                 std::to_string(live_ready) + ", or fewer if that is meant"};
  }
  SwitchStart start;
  start.judged = target.deployment.version;
  start.patch = holding(target.deployment, replicas, now);
  start.color = target.value;
  start.replicas = replicas;
  start.services = *services;
  for (const Color& color : found->family->colors) {
    if (color.deployment.name != request.deployment && selected_by_one_of(color, *services)) {
      start.leaves.push_back(color.deployment.name);
    }
  }
  return start;
}

bool pods_are_ready(const Deployment& target, const std::vector<Pod>& pods) {
  const auto ready = std::ranges::count_if(pods, [&](const Pod& pod) {
    return pod.ready && !is_over(pod) && matches(target.selector, pod.labels);
  });
  return target.replicas > 0 && static_cast<std::uint64_t>(ready) >= target.replicas;
}

std::optional<DeploymentPatch> renewed_hold(Millis left, WallTime now) {
  if (left > kRenewHold) return std::nullopt;
  return DeploymentPatch{.hold_until = now + std::chrono::ceil<std::chrono::seconds>(kHold)};
}

std::vector<Reason> target_problems(const SwitchStart& start, const Deployment& target) {
  const std::string name = "Deployment " + target.name;
  std::vector<Reason> reasons;
  if (target.version.uid != start.judged.uid || target.deleting) {
    reasons.push_back({"target_replaced", name + " was deleted, or created anew"});
  }
  if (target.replicas == 0) reasons.push_back({"target_at_zero", name + " was scaled to zero"});
  if (target.mark.present())
    reasons.push_back({"target_marked", name + " was marked by a cleanup"});
  if (target.scaled_at.present()) {
    reasons.push_back({"target_scaled", name + " was scaled to zero by a cleanup"});
  }
  return reasons;
}

std::vector<Reason> repoint_problems(const SwitchStart& start, const Deployment& target,
                                     Millis hold_left) {
  std::vector<Reason> reasons = target_problems(start, target);
  if (hold_left < kHoldLeft) {
    reasons.push_back({"hold_over", "of the hold, " + for_people(std::max(hold_left, Millis{0})) +
                                        " are left, and " + for_people(kHoldLeft) +
                                        " are needed: this switch was held up; run it again"});
  }
  return reasons;
}

ServicePatch repointed(const Service& service, std::string_view color_label,
                       const std::string& color) {
  ServicePatch patch;
  patch.name = service.name;
  patch.version = service.version;
  patch.selector = service.selector;
  patch.selector[std::string(color_label)] = color;
  return patch;
}

ServicePatch put_back(const Service& before, const ObjectVersion& current) {
  return {before.name, current, before.selector};
}

DeploymentPatch finished_target(WallTime now) {
  return {.last_selected_at = now, .hold_until = Change<WallTime>::drop()};
}

DeploymentPatch left_color(WallTime now) { return {.last_selected_at = now}; }

Result<std::string> rollback_target(const Family& family) {
  const auto live = std::ranges::count_if(family.colors, &Color::selected);
  if (live > 1) {
    return Error{"several colors are live: say --service, or the color to go back to"};
  }
  const Color* latest = nullptr;
  const auto at = [](const Color& color) { return *color.deployment.last_selected_at.get(); };
  for (const Color& color : family.colors) {
    if (color.selected() || color.deployment.deleting) continue;
    if (color.deployment.last_selected_at.get() == nullptr) continue;
    if (latest == nullptr || at(color) > at(*latest)) latest = &color;
  }
  if (latest == nullptr) {
    return Error{"no color is known to have been live before: say the color to go back to"};
  }
  return latest->deployment.name;
}

Result<DeploymentPatch> retire(const Deployment& deployment) {
  if (deployment.last_selected_at.malformed()) {
    return deployment.last_selected_at.error().wrap(
        "annotation drainbow.dev/last-selected-at of Deployment " + deployment.name);
  }
  if (deployment.last_selected_at.present()) {
    return Error{"Deployment " + deployment.name + " is known to have been live at " +
                 to_rfc3339(*deployment.last_selected_at.get()) + ": it goes when it is drained"};
  }
  return DeploymentPatch{.last_selected_at = deployment.created};
}

}  // namespace drainbow
