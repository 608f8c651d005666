#include "drain/cleanup_table.h"

namespace drainbow {

TableLine first_line(const ColorFacts& color) {
  using enum ActionKind;
  const ActionKind hold_back = color.marked ? kUnmark : kLeave;

  if (color.deleting) return {kLeave, "deleting"};
  if (color.selected && color.scaled) return {kRestore, "restored"};
  if (color.selected) return {hold_back, "selected"};
  if (color.held) return {hold_back, "held"};
  if (color.is_protected) return {hold_back, "protected"};
  if (color.unreadable) return {hold_back, "unreadable"};
  if (color.scaled && !color.at_zero) return {kUnmark, "raised"};
  if (!color.live_is_well) return {kLeave, "live_not_well"};
  if (color.scaled && color.pod_still_there) return {kWait, "pods_left"};
  if (color.scaled && color.verified && !color.retained) return {kDelete, "unused"};
  if (color.scaled) return {kWait, "scaled"};
  if (!color.drained || color.kept || color.young || color.in_slice) {
    return {hold_back, "not_drained"};
  }
  if (!color.mark_matches) return {kMark, "found_drained"};
  if (color.mark_is_young) return {kWait, "confirming"};
  return {kScaleToZero, "confirmed"};
}

std::string_view to_string(ActionKind kind) {
  switch (kind) {
    case ActionKind::kLeave:
      return "leave";
    case ActionKind::kWait:
      return "wait";
    case ActionKind::kRecord:
      return "record";
    case ActionKind::kUnmark:
      return "unmark";
    case ActionKind::kMark:
      return "mark";
    case ActionKind::kScaleToZero:
      return "scale-to-zero";
    case ActionKind::kRestore:
      return "restore";
    case ActionKind::kDelete:
      return "delete";
  }
  return "leave";
}

}  // namespace drainbow
