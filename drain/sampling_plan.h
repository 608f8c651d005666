// When the sockets must be read again, and when the last set still holds. Pure.
#pragma once

#include <optional>

#include "drain/time.h"

namespace drainbow {

struct SamplingState {
  std::optional<TimePoint> last_sample;  // full, successful
  std::optional<TimePoint> last_scan;    // listeners and UDP sockets, successful
  bool last_failed = false;
  bool last_confirmed = false;
  bool counters_unchanged = false;  // since before the last full sample; false when not known
  bool lingering = false;           // the set holds states whose end the counters do not tell
  bool by_proc = false;             // no counter shortcut there
  bool port_seen = false;           // a counted port was seen listening
};

struct SamplingSteps {
  bool sample = false;  // all TCP sockets
  bool scan = false;  // listeners and UDP sockets, whose coming and going the counters do not tell

  bool operator==(const SamplingSteps&) const = default;
};

inline constexpr Millis kSampleAtLeastEvery{30'000};
inline constexpr Millis kScanEvery{10'000};

SamplingSteps plan_sampling(TimePoint now, const SamplingState& state);

}  // namespace drainbow
