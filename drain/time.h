// Instants as values. Nothing in drain/ reads a clock: `now` is always an argument.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow {

// Monotonic: for ages, deadlines, freshness.
using TimePoint = std::chrono::steady_clock::time_point;
// Milliseconds are enough for every decision and leave no rounding surprise at a deadline.
using Millis = std::chrono::milliseconds;
// For people, and to compare across restarts and machines. Whole seconds.
using WallTime = std::chrono::sys_seconds;

// RFC 3339 in UTC: "2026-11-21T08:41:00Z".
std::string to_rfc3339(WallTime time);
// Accepts what to_rfc3339 and the Kubernetes API write (metav1.Time); fractions are cut off.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace drainbow
