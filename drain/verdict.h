// A pod's verdict: the first line of this table that matches, with its reasons. Pure.
//
//   selected   selection is known and some Service that counts selects this pod
//   unknown    selection is unknown or stale
//   standby    not selected, and never was as far as this agent knows
//   unknown    the count is missing, stale or failing, or is known to miss something
//   draining   open connections above the threshold, or not quiet for long enough
//   drained    otherwise
//
// Unknown is never zero, and never authorises anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drain/count.h"
#include "drain/time.h"

namespace drainbow {

enum class Verdict : std::uint8_t { kSelected, kUnknown, kStandby, kDraining, kDrained };
inline constexpr Verdict kAllVerdicts[] = {Verdict::kSelected, Verdict::kUnknown, Verdict::kStandby,
                                           Verdict::kDraining, Verdict::kDrained};

// "selected", "unknown", "standby", "draining", "drained".
std::string_view to_string(Verdict verdict);

// Why, for machines (`code`, stable, snake_case) and for people (`message`).
struct Reason {
  std::string code;
  std::string message;

  bool operator==(const Reason&) const = default;
};

enum class SelectionState : std::uint8_t { kUnknown, kSelected, kDeselected };

// "selected", "deselected", "unknown".
std::string_view to_string(SelectionState state);

// All that the verdict depends on, at one instant.
struct PodFacts {
  SelectionState selection = SelectionState::kUnknown;
  std::vector<std::string> services;  // that select the pod
  std::string selection_problem;      // why the selection is unknown
  bool ever_selected = false;
  std::vector<Reason> count_problems;  // why the count cannot be trusted; empty: it can
  Counts counts;
  std::uint64_t threshold = 0;
  Millis quiet_for{0};
  Millis quiet_period{0};
  // A confirmed sample was taken after the quiet period was over. A dump alone is no proof of
  // absence: under churn it may miss a socket.
  bool confirmed_after_quiet = false;
};

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  std::vector<Reason> reasons;
};

Judgement judge(const PodFacts& facts);

// "1 connection", "12 connections".
std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural);

// "web, web-internal".
std::string joined(const std::vector<std::string>& names);

// "850 ms", "12 s", "5 min 3 s", "3 h 20 min", "2 d 4 h".
std::string for_people(Millis duration);

}  // namespace drainbow
