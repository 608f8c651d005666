// A color's verdict: the first line of this table that matches, with reasons that name pods. Pure.
//
//   selected   a Service that counts selects it
//   unknown    any pod is unknown, silent or without an agent; an agent and the live read disagree
//              on the selection; selectors overlap; an annotation it depends on cannot be read
//   draining   counted connections above the threshold, or any pod not quiet for long enough
//   standby    never selected: no last-selected-at, and no pod says that it ever was
//   empty      no pod that could hold a connection, though replicas are wanted
//   drained    otherwise
//
// The color is judged by the numbers of its agents' documents under the cleanup's own policy: an
// old color's agents cannot be given other flags without rolling its pods.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "drain/family.h"

namespace drainbow {

enum class ColorVerdict : std::uint8_t {
  kSelected,
  kUnknown,
  kDraining,
  kStandby,
  kEmpty,
  kDrained
};
inline constexpr ColorVerdict kAllColorVerdicts[] = {
    ColorVerdict::kSelected, ColorVerdict::kUnknown, ColorVerdict::kDraining,
    ColorVerdict::kStandby,  ColorVerdict::kEmpty,   ColorVerdict::kDrained};

// "selected", "unknown", "draining", "standby", "empty", "drained".
std::string_view to_string(ColorVerdict verdict);

// What an answer may be old when it is judged.
inline constexpr Millis kSampleLimit{10'000};      // sample.age, the way here, and being held
inline constexpr Millis kSelectionLimit{150'000};  // selection.age

struct ColorJudgement {
  ColorVerdict verdict = ColorVerdict::kUnknown;
  std::vector<Reason> reasons;  // of the verdict
  std::vector<Reason> notes;    // on pods that are no veto, and on Services
  // Counted connections of all pods that answered well, without those set aside.
  std::uint64_t open = 0;
  std::uint64_t set_aside = 0;  // silent for longer than --ignore-idle
  // By pod uid, of all pods that could hold a connection and answered well.
  std::map<std::string, std::string> episodes;
};

using Answers = std::map<std::string, AgentAnswer>;

ColorJudgement judge_color(const Color& color, const Answers& answers);

// The document about this very pod, whatever it is worth otherwise; null if there is none.
const AgentDocument* document_of(const Pod& pod, const Answers& answers);

// It was selected once: the annotation or a pod says so. An unreadable annotation says so too.
bool ever_selected(const Color& color, const Answers& answers);

}  // namespace drainbow
