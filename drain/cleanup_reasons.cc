#include "drain/cleanup_reasons.h"

namespace drainbow {
namespace {

std::string who_raised(const Deployment& deployment) {
  return deployment.replicas_set_by.empty() ? "something" : deployment.replicas_set_by;
}

void add_unreadable(const Deployment& deployment, std::vector<Reason>& reasons) {
  const auto add = [&](std::string_view name, const auto& annotation) {
    if (!annotation.malformed()) return;
    reasons.push_back(
        {"malformed_annotation", annotation.error()
                                     .wrap("annotation drainbow.dev/" + std::string(name) +
                                           " of Deployment " + deployment.name)
                                     .message});
  };
  add("hold-until", deployment.hold_until);
  add("mark", deployment.mark);
  add("scaled-at", deployment.scaled_at);
  add("replicas", deployment.kept_replicas);
  add("protect", deployment.protect);
}

void add_blockers(const ColorFacts& facts, const Color& color, std::vector<Reason>& reasons) {
  if (facts.kept) {
    reasons.push_back(
        {"kept", "it is among the last " +
                     counted(color.policy ? color.policy->keep : 0, "color", "colors") +
                     " that were live, which --keep says to keep"});
  }
  if (facts.young) {
    reasons.push_back({"young", "it is younger than --min-color-age"});
  }
  if (facts.in_slice) {
    reasons.push_back({"in_slice", "EndpointSlices " + joined(color.slices) + " hold its pods"});
  }
}

std::string message_of(std::string_view code, const Color& color, const FamilyView& view) {
  const Deployment& deployment = color.deployment;
  const auto until = [](const Annotation<WallTime>& at, Millis after) {
    return at.get() == nullptr
               ? std::string("a time that cannot be read")
               : to_rfc3339(*at.get() + std::chrono::ceil<std::chrono::seconds>(after));
  };
  const Policy policy = color.policy ? *color.policy : Policy{};
  if (code == "deleting") return "its Deployment is being deleted";
  if (code == "restored") {
    return "selected by " + joined(color.selected_by) + " after it was scaled to zero: back to " +
           counted(restored_replicas(color, view.family), "replica", "replicas");
  }
  if (code == "selected") return "selected by " + joined(color.selected_by);
  if (code == "held") return "a switch is under way until " + until(deployment.hold_until, {});
  if (code == "protected") return "annotated with drainbow.dev/protect";
  if (code == "unreadable") return "its annotations cannot be read";
  if (code == "raised") {
    return who_raised(deployment) + " raised it to " +
           counted(deployment.replicas, "replica", "replicas") + " after it was scaled to zero";
  }
  if (code == "live_not_well") return "the color that should serve does not";
  if (code == "pods_left") return "scaled to zero; not all of its pods have ended";
  if (code == "unused") return "scaled to zero, and nothing missed it";
  if (code == "scaled") {
    return "scaled to zero; it is deleted after " +
           until(deployment.scaled_at, std::max(policy.verify_after, policy.retain));
  }
  if (code == "not_drained") return "it may not go yet";
  if (code == "found_drained") return "found drained; it must stay so to be scaled to zero";
  if (code == "confirming") {
    const Mark* mark = deployment.mark.get();
    return "drained since a look at " + to_rfc3339(mark->at) + "; it must stay so until " +
           until(Annotation<WallTime>(mark->at), confirm_after(policy));
  }
  return "drained, and nothing happened since it was found so";
}

}  // namespace

std::vector<Reason> reasons_of(const TableLine& line, const ColorFacts& facts, const Color& color,
                               const ColorJudgement& judgement, const FamilyView& view) {
  std::vector<Reason> reasons = {{std::string(line.code), message_of(line.code, color, view)}};
  const auto add = [&](const std::vector<Reason>& more) {
    reasons.insert(reasons.end(), more.begin(), more.end());
  };
  add_unreadable(color.deployment, reasons);
  if (!color.policy) reasons.push_back({"malformed_annotation", color.policy.error().message});
  if (line.code == "live_not_well") add(live_problems(view));
  if (line.code == "not_drained") {
    if (!facts.drained) add(judgement.reasons);
    add_blockers(facts, color, reasons);
  }
  if (line.code == "found_drained" && color.deployment.mark.get() != nullptr) {
    add(mark_mismatches(*color.deployment.mark.get(), judgement, view.family.services));
  }
  if (line.code == "selected" && facts.at_zero) {
    reasons.push_back({"selected_at_zero",
                       "it is selected, and somebody scaled it to zero: new "
                       "connections find no pod; scale it up or switch"});
  }
  return reasons;
}

}  // namespace drainbow
