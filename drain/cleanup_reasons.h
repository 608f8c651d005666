// Why the cleanup does what it does with a color: for events, logs and people. Decides nothing.
// Pure.
#pragma once

#include <vector>

#include "drain/color_facts.h"

namespace drainbow {

// The table line's own reason first, then what stands behind it.
std::vector<Reason> reasons_of(const TableLine& line, const ColorFacts& facts, const Color& color,
                               const ColorJudgement& judgement, const FamilyView& view);

}  // namespace drainbow
