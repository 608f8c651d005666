// The cleanup's table: what happens to a color, by the first line that matches. Pure.
//
//   its Deployment is being deleted                       leave
//   selected, scaled to zero by a cleanup                 restore
//   selected, held by a switch, protected, or unreadable  un-mark if marked
//   scaled to zero, but raised again by something         forget that it was
//   no live color that serves                             leave
//   scaled to zero, a pod still there                     wait
//   scaled to zero for long enough, not retained          delete, after the Services again
//   scaled to zero                                        wait: a cheap target for a rollback
//   not drained, kept, young, or in an EndpointSlice      un-mark if marked
//   drained, no mark or one that does not match           mark
//   drained, the mark is young                            wait
//   drained, the mark matches                             scale to zero, after a second look
//
// A color that was scaled to zero follows its own lines, never its verdict, which would be `empty`.
// Un-marking, restoring and forgetting are safe whatever is in doubt; so doubt leads to them.
#pragma once

#include <cstdint>
#include <string_view>

namespace drainbow {

enum class ActionKind : std::uint8_t {
  kLeave,        // nothing to do
  kWait,         // nothing yet: time must pass, or pods must end
  kRecord,       // only bookkeeping
  kUnmark,       // drop the mark, and where something raised a scaled color, all that goes with it
  kMark,         // found drained: from now on it must stay so
  kScaleToZero,  // after a second look
  kRestore,      // selected again after it was scaled to zero
  kDelete,       // after the Services were read again
};
inline constexpr ActionKind kAllActionKinds[] = {
    ActionKind::kLeave, ActionKind::kWait,        ActionKind::kRecord,  ActionKind::kUnmark,
    ActionKind::kMark,  ActionKind::kScaleToZero, ActionKind::kRestore, ActionKind::kDelete};

// "leave", "wait", "record", "unmark", "mark", "scale-to-zero", "restore", "delete".
std::string_view to_string(ActionKind kind);

// A color as the table sees it.
struct ColorFacts {
  bool deleting = false;  // somebody deletes its Deployment
  bool selected = false;
  bool held = false;             // hold-until is in the future, or cannot be read
  bool is_protected = false;     // or whether it is cannot be read
  bool unreadable = false;       // a policy or a kept number of replicas: it cannot be judged
  bool marked = false;           // whatever the mark says
  bool scaled = false;           // scaled-at is there, readable or not
  bool at_zero = false;          // spec.replicas
  bool live_is_well = false;     // some color is live, each is Available and has a ready pod
  bool pod_still_there = false;  // one that has not ended
  bool verified = false;         // scaled-at is older than --verify-after
  bool retained = false;         // --retain is not over
  bool drained = false;          // the verdict
  bool kept = false;             // among the --keep that were live last
  bool young = false;            // younger than --min-color-age
  bool in_slice = false;         // an EndpointSlice holds one of its pods
  bool mark_matches = false;     // same pods, same episodes, same Services
  bool mark_is_young = false;    // younger than --confirm-after
};

// A line of the table: what it does, and its name as a reason's code.
struct TableLine {
  ActionKind action = ActionKind::kLeave;
  std::string_view code;
};

// The table, top to bottom: the first line that matches.
TableLine first_line(const ColorFacts& color);

}  // namespace drainbow
