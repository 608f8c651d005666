// What a cleanup run does with each color, decided from one look. Pure. Everything that destroys
// something is decided here, and nowhere else.
//
//   a look  -> plan_cleanup: one action for each color, in order
//   before a scale to zero, a second look -> look_again_before_scale
//   before a delete, the Services again   -> objections_to_delete
//   after a delete, the Services again    -> recreate_after_delete
//
// Whoever executes it writes with the uid and resourceVersion of `Action::judged`, never with newer
// ones; a conflict leaves the color to the next run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drain/color_facts.h"

namespace drainbow {

struct CleanupConfig {
  Policy policy;  // of the flags
  std::string color_label = "color";
  bool record_only = false;  // --record: bookkeeping, and the plan as it would be
};

struct Action {
  ActionKind kind = ActionKind::kLeave;     // what this run does
  ActionKind planned = ActionKind::kLeave;  // what the table says: differs with record_only, and
                                            // where bookkeeping is all that there is to write
  std::string deployment;
  ObjectVersion judged;
  DeploymentPatch patch;  // bookkeeping and action in one; empty for a delete
  ColorJudgement judgement;
  std::map<std::string, ObjectVersion> services;  // of the family, as judged
  std::map<std::string, ObjectVersion> slices;    // EndpointSlices of these Services, as judged
  std::vector<Reason> reasons;  // of the action: the line's, then what stands behind it
};

// For each color of each family: restores first, then what holds a color back, then what takes one
// away. Orphans are not in it: they are listed, never acted on.
std::vector<Action> plan_cleanup(const Inventory& look, const CleanupConfig& config, WallTime now);

// Whether a color that was to be scaled to zero still may be: no objection, and then the patch to
// write at once. `second` is the first look with these read anew: all Services, then all
// EndpointSlices, then the Deployments and pods of the live colors, then this color's pods, and
// last its agents asked again. This color's Deployment stays as it was judged. `took` is the time
// from before the first of these reads until now: none of what they say may be older than a good
// answer.
struct SecondLook {
  std::vector<Reason> objections;
  DeploymentPatch patch;  // its times are those of the second look
};
SecondLook look_again_before_scale(const Action& planned, Inventory second, Millis took,
                                   const CleanupConfig& config, WallTime now);

// Why a color that was to be deleted must not be after all; empty: delete. `services` were read
// just now. They must be those of the look: every one that could select the color, unchanged.
std::vector<Reason> objections_to_delete(const Action& planned, const Inventory& look,
                                         const std::vector<Service>& services,
                                         const CleanupConfig& config);

// The Deployment to create again if a Service selects the deleted color after all, with a reason
// that names the Services; nothing: it may stay deleted.
struct Recreation {
  Deployment deployment;
  Reason reason;
};
std::optional<Recreation> recreate_after_delete(const Action& planned, const Inventory& look,
                                                const std::vector<Service>& services,
                                                const CleanupConfig& config);

}  // namespace drainbow
