#include "drain/color_facts.h"

#include <algorithm>
#include <optional>
#include <set>

namespace drainbow {
namespace {

// A selected color's last-selected-at is renewed when it is older than this.
constexpr Millis kRecordEvery = std::chrono::hours(24);
// Server and agents count in seconds of their own: a smaller difference is no news.
constexpr Millis kRecordSlack{60'000};

// When the color was selected last, as its agents know it.
std::optional<WallTime> left_at(const Color& color, const FamilyView& view) {
  std::optional<WallTime> latest;
  for (const Pod& pod : color.pods) {
    const AgentDocument* document = document_of(pod, view.look.answers);
    if (document == nullptr || !document->ever_selected) continue;
    const Millis ago = document->deselected_for.value_or(Millis{0});
    const auto at = std::chrono::floor<std::chrono::seconds>(view.now - ago);
    latest = latest ? std::max(*latest, at) : at;
  }
  return latest;
}

// What last-selected-at is after this run's bookkeeping.
std::optional<WallTime> last_selected(const Color& color, const FamilyView& view) {
  const Change<WallTime> change = bookkeeping(color, view);
  if (change.sets() != nullptr) return *change.sets();
  const WallTime* value = color.deployment.last_selected_at.get();
  return value == nullptr ? std::nullopt : std::optional(*value);
}

// A rollback target: not selected now, selected once, and still with its pods. What cannot be read
// takes nobody else's place.
bool takes_a_place(const Color& color, const FamilyView& view) {
  const Deployment& deployment = color.deployment;
  return !color.selected() && deployment.scaled_at.absent() && !deployment.deleting &&
         !deployment.last_selected_at.malformed() && ever_selected(color, view.look.answers);
}

// How many colors were live later than this one.
std::uint64_t rank(const Color& color, const FamilyView& view) {
  const auto key = [&](const Color& one) {
    return std::pair(last_selected(one, view).value_or(one.deployment.created),
                     one.deployment.name);
  };
  const auto own = key(color);
  return static_cast<std::uint64_t>(
      std::ranges::count_if(view.family.colors, [&](const Color& other) {
        return takes_a_place(other, view) && other.deployment.name != color.deployment.name &&
               key(other) > own;
      }));
}

bool older_than(const Annotation<WallTime>& since, Millis limit, WallTime now) {
  return since.get() != nullptr && now - *since.get() > limit;
}

bool is_held(const Deployment& deployment, WallTime now) {
  const WallTime* until = deployment.hold_until.get();
  return deployment.hold_until.malformed() || (until != nullptr && *until > now);
}

bool is_protected(const Deployment& deployment) {
  const bool* value = deployment.protect.get();
  return deployment.protect.malformed() || (value != nullptr && *value);
}

bool pod_still_there(const Color& color) {
  return std::ranges::any_of(color.pods, [](const Pod& pod) { return !is_over(pod); });
}

}  // namespace

ColorFacts facts_of(const Color& color, const ColorJudgement& judgement, const FamilyView& view) {
  const Deployment& deployment = color.deployment;
  const WallTime now = view.now;
  const Policy policy = color.policy ? *color.policy : Policy{};
  const WallTime* scaled_at = deployment.scaled_at.get();
  const Mark* mark = deployment.mark.get();
  return {.deleting = deployment.deleting,
          .selected = color.selected(),
          .held = is_held(deployment, now),
          .is_protected = is_protected(deployment),
          .unreadable = !color.policy || deployment.kept_replicas.malformed(),
          .marked = deployment.mark.present(),
          .scaled = deployment.scaled_at.present(),
          .at_zero = deployment.replicas == 0,
          .live_is_well = live_problems(view).empty(),
          .pod_still_there = pod_still_there(color),
          .verified = older_than(deployment.scaled_at, policy.verify_after, now),
          .retained = scaled_at == nullptr || now - *scaled_at < policy.retain,
          .drained = judgement.verdict == ColorVerdict::kDrained,
          .kept = rank(color, view) < policy.keep,
          .young = now - deployment.created < policy.min_color_age,
          .in_slice = !color.slices.empty(),
          .mark_matches = mark != nullptr && mark->at <= now + confirm_after(policy) &&
                          mark_mismatches(*mark, judgement, view.family.services).empty(),
          .mark_is_young = mark != nullptr && now - mark->at < confirm_after(policy)};
}

Change<WallTime> bookkeeping(const Color& color, const FamilyView& view) {
  const Annotation<WallTime>& known = color.deployment.last_selected_at;
  const WallTime* value = known.get();
  if (color.selected()) {
    const bool current =
        value != nullptr && view.now - *value <= kRecordEvery && *value - view.now <= kRecordSlack;
    return current ? Change<WallTime>() : Change<WallTime>(view.now);
  }
  if (known.malformed()) return {};
  const std::optional<WallTime> left = left_at(color, view);
  if (!left || (value != nullptr && *left - *value <= kRecordSlack)) return {};
  return *left;
}

std::vector<Reason> live_problems(const FamilyView& view) {
  std::vector<Reason> problems;
  bool any = false;
  for (const Color& color : view.family.colors) {
    if (!color.selected()) continue;
    any = true;
    const std::string name = "live Deployment " + color.deployment.name;
    if (!color.deployment.available) {
      problems.push_back({"live_not_available", name + " is not Available"});
    }
    if (color.ready_pods() == 0) {
      problems.push_back({"live_without_ready_pod", name + " has no ready pod"});
    }
  }
  if (!any) problems.push_back({"no_live_color", "no Service selects any color of the family"});
  return problems;
}

std::vector<Reason> mark_mismatches(const Mark& mark, const ColorJudgement& judgement,
                                    const std::vector<Service>& services) {
  std::vector<Reason> reasons;
  for (const auto& [uid, episode] : judgement.episodes) {
    const auto marked = mark.episodes.find(uid);
    if (marked == mark.episodes.end()) {
      reasons.push_back({"pod_is_new", "pod uid " + uid + " was not there when it was marked"});
    } else if (marked->second != episode) {
      reasons.push_back({"episode_changed", "pod uid " + uid +
                                                " has had connections, or its agent "
                                                "was restarted, since it was marked"});
    }
  }
  const std::vector<Reason> changes = service_changes(mark.services, services);
  reasons.insert(reasons.end(), changes.begin(), changes.end());
  return reasons;
}

std::vector<Reason> service_changes(const std::map<std::string, ObjectVersion>& before,
                                    const std::vector<Service>& now) {
  std::vector<Reason> reasons;
  std::set<std::string> present;
  for (const Service& service : now) {
    present.insert(service.name);
    const auto old = before.find(service.name);
    if (old != before.end() && old->second == service.version) continue;
    const std::string by = service.written_by.empty() ? "" : ", last by " + service.written_by;
    reasons.push_back({"service_changed", "Service " + service.name +
                                              (old == before.end() ? " is new" : " was written") +
                                              " since" + by});
  }
  for (const auto& [name, version] : before) {
    if (present.contains(name)) continue;
    reasons.push_back({"service_changed", "Service " + name + " no longer counts or is gone"});
  }
  return reasons;
}

std::uint64_t restored_replicas(const Color& color, const Family& family) {
  std::uint64_t replicas = std::max<std::uint64_t>(color.deployment.replicas, 1);
  if (const auto* kept = color.deployment.kept_replicas.get()) replicas = std::max(replicas, *kept);
  for (const Color& one : family.colors) replicas = std::max(replicas, one.ready_pods());
  return replicas;
}

Millis confirm_after(const Policy& policy) {
  return std::max(policy.confirm_after, Policy::kLeastConfirm);
}

}  // namespace drainbow
