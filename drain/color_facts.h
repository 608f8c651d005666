// What the cleanup's table asks about a color, found from one look. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "drain/cleanup_table.h"
#include "drain/color_verdict.h"
#include "drain/deployment_patch.h"

namespace drainbow {

// A color's surroundings, and the API server's time.
struct FamilyView {
  const Family& family;
  const Inventory& look;
  WallTime now;
};

ColorFacts facts_of(const Color& color, const ColorJudgement& judgement, const FamilyView& view);

// last-selected-at, as this look knows it better. A selected color's is renewed once a day; one
// that was left gets the time that its agents know, so that colors from before the cleanup came are
// known before their pods are replaced, and a switch that died before its last step is repaired.
Change<WallTime> bookkeeping(const Color& color, const FamilyView& view);

// Why nothing may be taken away now: the color that should serve does not. Empty: it does.
std::vector<Reason> live_problems(const FamilyView& view);

// Every pod that is there has the uid and episode of the mark (pods that are gone are fine), and
// the family's Services are the same, unchanged. Empty: it matches.
std::vector<Reason> mark_mismatches(const Mark& mark, const ColorJudgement& judgement,
                                    const std::vector<Service>& services);

// Services that were written, came or went since.
std::vector<Reason> service_changes(const std::map<std::string, ObjectVersion>& before,
                                    const std::vector<Service>& now);

// As many as it had, as any color of the family has ready, as it wants now, and one: a restore
// never takes pods away. Of any color: who patches a Service by hand leaves no other live one.
std::uint64_t restored_replicas(const Color& color, const Family& family);

// --confirm-after, never less than kLeastConfirm.
Millis confirm_after(const Policy& policy);

}  // namespace drainbow
