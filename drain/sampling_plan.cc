#include "drain/sampling_plan.h"

namespace drainbow {
namespace {

bool due(TimePoint now, const std::optional<TimePoint>& last, Millis period) {
  return !last || now - *last >= period;
}

}  // namespace

SamplingSteps plan_sampling(TimePoint now, const SamplingState& state) {
  const bool set_holds = state.counters_unchanged && state.last_confirmed && !state.last_failed &&
                         !state.lingering && !state.by_proc;
  return {.sample = !set_holds || due(now, state.last_sample, kSampleAtLeastEvery),
          .scan = !state.port_seen || due(now, state.last_scan, kScanEvery)};
}

}  // namespace drainbow
