// The part of a tick that asks the kernel: gathers what changed and feeds the tracker.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drain/drain_tracker.h"
#include "drain/sampling_plan.h"
#include "sockets/destroy_events.h"
#include "sockets/network_monitor.h"
#include "sockets/sampler.h"

namespace drainbow {

// For the metrics. Buckets are upper bounds in seconds.
struct SamplingStats {
  static constexpr std::array<double, 7> kBuckets = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10};

  std::map<SampleMethod, std::uint64_t> samples;
  // By what failed; all there from the start, so that a rate over them works.
  std::map<std::string, std::uint64_t> errors = {
      {"counters", 0}, {"events", 0}, {"network", 0}, {"sample", 0}, {"scan", 0}};
  std::array<std::uint64_t, kBuckets.size()> durations{};  // cumulative
  std::uint64_t duration_count = 0;
  double duration_sum = 0;  // seconds
};

class Sampling {
 public:
  explicit Sampling(SocketSampler::Options options) : sampler_(std::move(options)) {}

  // One tick: addresses, notifications, counters, and a sample or scan when due. `watch_closes`:
  // listen to destroyed sockets.
  void tick(TimePoint now, bool watch_closes, DrainTracker& tracker);

  // A sample now, whatever the counters say: to confirm `drained`, or for idle times (`with_info`).
  void sample(TimePoint now, bool with_info, DrainTracker& tracker);

  const SamplingStats& stats() const { return stats_; }

  // What people should know of how counting works here.
  std::vector<Reason> notes() const;

 private:
  void update_network(DrainTracker& tracker);
  void read_events(TimePoint now, DrainTracker& tracker);
  void follow_closes(TimePoint now, bool watch, DrainTracker& tracker);
  bool counters_unchanged(TimePoint now, DrainTracker& tracker);
  void scan(TimePoint now, DrainTracker& tracker);

  static constexpr std::chrono::seconds kRetrySubscribe{60};

  SocketSampler sampler_;
  NetworkMonitor network_;
  std::optional<DestroyEvents> events_;
  std::optional<TimePoint> subscribe_failed_at_;
  std::string subscribe_error_;
  bool events_lost_ = false;
  std::optional<std::uint64_t> passive_opens_;  // at the last tick
  std::optional<TcpCounters> base_;             // from just before the last sample
  SamplingState state_;
  SamplingStats stats_;
};

}  // namespace drainbow
