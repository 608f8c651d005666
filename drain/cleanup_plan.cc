#include "drain/cleanup_plan.h"

#include <algorithm>

#include "drain/cleanup_reasons.h"

namespace drainbow {
namespace {

std::map<std::string, ObjectVersion> versions(const std::vector<Service>& services) {
  std::map<std::string, ObjectVersion> all;
  for (const Service& service : services) all[service.name] = service.version;
  return all;
}

Mark make_mark(const ColorJudgement& judgement, const FamilyView& view) {
  return {.at = view.now,
          .episodes = judgement.episodes,
          .services = versions(view.family.services),
          .evidence = judgement.reasons.empty() ? "" : judgement.reasons[0].message};
}

DeploymentPatch patch_of(ActionKind kind, const Color& color, const ColorJudgement& judgement,
                         const FamilyView& view) {
  DeploymentPatch patch{.last_selected_at = bookkeeping(color, view)};
  const bool scaled = color.deployment.scaled_at.present();
  switch (kind) {
    case ActionKind::kRestore:
      patch.replicas = restored_replicas(color, view.family);
      [[fallthrough]];
    case ActionKind::kUnmark:
      if (color.deployment.mark.present()) patch.mark = Change<Mark>::drop();
      if (scaled && (kind == ActionKind::kRestore || color.deployment.replicas != 0)) {
        patch.scaled_at = Change<WallTime>::drop();
        patch.kept_replicas = Change<std::uint64_t>::drop();
      }
      break;
    case ActionKind::kMark:
      patch.mark = make_mark(judgement, view);
      break;
    case ActionKind::kScaleToZero:
      patch.replicas = 0;
      patch.kept_replicas = color.deployment.replicas;
      patch.scaled_at = view.now;
      break;
    case ActionKind::kDelete:
      return {};
    case ActionKind::kLeave:
    case ActionKind::kWait:
    case ActionKind::kRecord:
      break;
  }
  return patch;
}

// Of the family's Services.
std::map<std::string, ObjectVersion> slice_versions(const Family& family, const Inventory& look) {
  const auto services = versions(family.services);
  std::map<std::string, ObjectVersion> all;
  for (const EndpointSlice& slice : look.slices) {
    if (services.contains(slice.service)) all[slice.name] = slice.version;
  }
  return all;
}

Action decide(const Color& color, const FamilyView& view, bool record_only) {
  ColorJudgement judgement = judge_color(color, view.look.answers);
  const ColorFacts facts = facts_of(color, judgement, view);
  const TableLine line = first_line(facts);
  Action action;
  action.kind = action.planned = line.action;
  action.deployment = color.deployment.name;
  action.judged = color.deployment.version;
  action.services = versions(view.family.services);
  action.slices = slice_versions(view.family, view.look);
  action.reasons = reasons_of(line, facts, color, judgement, view);
  if (record_only) action.kind = ActionKind::kLeave;
  action.patch = facts.deleting ? DeploymentPatch{} : patch_of(action.kind, color, judgement, view);
  const bool passive = action.kind == ActionKind::kLeave || action.kind == ActionKind::kWait;
  if (passive && !action.patch.empty()) action.kind = ActionKind::kRecord;
  action.judgement = std::move(judgement);
  return action;
}

// Restores cannot wait; what holds a color back comes before what takes one away.
int order_of(const Action& action) {
  switch (action.kind) {
    case ActionKind::kRestore:
      return 0;
    case ActionKind::kUnmark:
      return 1;
    case ActionKind::kRecord:
      return 2;
    case ActionKind::kMark:
      return 3;
    case ActionKind::kScaleToZero:
      return 4;
    case ActionKind::kDelete:
      return 5;
    case ActionKind::kWait:
    case ActionKind::kLeave:
      return 6;
  }
  return 6;
}

// --- looking again ---------------------------------------------------------------------------

struct Found {
  const Family* family = nullptr;
  const Color* color = nullptr;
};

Found find_color(const Families& families, const std::string& deployment) {
  for (const Family& family : families.families) {
    for (const Color& color : family.colors) {
      if (color.deployment.name == deployment) return {&family, &color};
    }
  }
  return {};
}

Reason color_gone() { return {"color_gone", "it is no color of any family any more"}; }

}  // namespace

std::vector<Action> plan_cleanup(const Inventory& look, const CleanupConfig& config, WallTime now) {
  std::vector<Action> plan;
  const Families families = find_families(look, config.color_label, config.policy);
  for (const Family& family : families.families) {
    const FamilyView view{family, look, now};
    for (const Color& color : family.colors) {
      plan.push_back(decide(color, view, config.record_only));
    }
  }
  std::ranges::sort(plan, {}, [](const Action& action) {
    return std::pair(order_of(action), action.deployment);
  });
  return plan;
}

SecondLook look_again_before_scale(const Action& planned, Inventory second, Millis took,
                                   const CleanupConfig& config, WallTime now) {
  if (took > kSampleLimit) {
    return {{{"second_look_stale", "the second look took " + for_people(took) + ", more than " +
                                       for_people(kSampleLimit)}},
            {}};
  }
  for (auto& [uid, answer] : second.answers) answer.held = took;
  const Families families = find_families(second, config.color_label, config.policy);
  const Found found = find_color(families, planned.deployment);
  if (found.color == nullptr) return {{color_gone()}, {}};
  if (found.color->deployment.version != planned.judged) {
    return {{{"deployment_changed", "its Deployment was written since it was judged"}}, {}};
  }
  // All as before: the same table, from what was read now, says the same.
  Action again = decide(*found.color, {*found.family, second, now}, config.record_only);
  if (again.kind != ActionKind::kScaleToZero) return {std::move(again.reasons), {}};
  std::vector<Reason> changes = service_changes(planned.services, found.family->services);
  if (again.slices != planned.slices) {
    changes.push_back(
        {"slices_changed",
         "EndpointSlices of the family's Services were written since the first look"});
  }
  if (!changes.empty()) return {std::move(changes), {}};
  return {{}, std::move(again.patch)};
}

std::vector<Reason> objections_to_delete(const Action& planned, const Inventory& look,
                                         const std::vector<Service>& services,
                                         const CleanupConfig& config) {
  Inventory now = look;
  now.services = services;
  const Families families = find_families(now, config.color_label, config.policy);
  const Found found = find_color(families, planned.deployment);
  if (found.color == nullptr) return {color_gone()};
  if (found.color->selected()) {
    return {{"selected", "selected by " + joined(found.color->selected_by)}};
  }
  return service_changes(planned.services, found.family->services);
}

std::optional<Recreation> recreate_after_delete(const Action& planned, const Inventory& look,
                                                const std::vector<Service>& services,
                                                const CleanupConfig& config) {
  const Families families = find_families(look, config.color_label, config.policy);
  const Found found = find_color(families, planned.deployment);
  if (found.color == nullptr) return std::nullopt;
  const std::vector<std::string> selecting =
      selecting_services(services, found.color->deployment.template_labels);
  if (selecting.empty()) return std::nullopt;
  Deployment again =
      patched(found.color->deployment, {.replicas = restored_replicas(*found.color, *found.family),
                                        .mark = Change<Mark>::drop(),
                                        .scaled_at = Change<WallTime>::drop(),
                                        .kept_replicas = Change<std::uint64_t>::drop()});
  again.version = {};
  return Recreation{std::move(again),
                    {"selected_after_delete", "selected by " + joined(selecting) +
                                                  " while it was deleted: it is created again"}};
}

}  // namespace drainbow
