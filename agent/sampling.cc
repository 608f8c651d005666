#include "agent/sampling.h"

#include <chrono>

namespace drainbow {
namespace {

// For the duration metric alone; decisions take `now` from the tick.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void observe(SamplingStats& stats, SampleMethod method, double seconds) {
  ++stats.samples[method];
  ++stats.duration_count;
  stats.duration_sum += seconds;
  for (std::size_t i = 0; i < SamplingStats::kBuckets.size(); ++i) {
    if (seconds <= SamplingStats::kBuckets[i]) ++stats.durations[i];
  }
}

}  // namespace

void Sampling::tick(TimePoint now, bool watch_closes, DrainTracker& tracker) {
  const Stopwatch stopwatch;
  update_network(tracker);
  follow_closes(now, watch_closes, tracker);
  state_.counters_unchanged = counters_unchanged(now, tracker);
  state_.lingering = tracker.lingering();
  state_.port_seen = tracker.port_seen();
  state_.by_proc = sampler_.method() == SampleMethod::kProc;
  const SamplingSteps steps = plan_sampling(now, state_);
  if (steps.sample) {
    sample(now, /*with_info=*/false, tracker);
  } else {
    tracker.on_unchanged(now);
    observe(stats_, SampleMethod::kUnchanged, stopwatch.seconds());
  }
  if (steps.scan) scan(now, tracker);
}

void Sampling::sample(TimePoint now, bool with_info, DrainTracker& tracker) {
  const Stopwatch stopwatch;
  Result<SocketSampler::Taken> taken = sampler_.sample(now, with_info);
  state_.last_failed = !taken.ok();
  if (!taken) {
    ++stats_.errors["sample"];
    tracker.on_sample_error(taken.error());
    return;
  }
  base_ = taken->counters;
  state_.last_sample = now;
  state_.last_confirmed = taken->sample.confirmed;
  observe(stats_, taken->sample.method, stopwatch.seconds());
  tracker.set_trustworthy(sampler_.trustworthy());
  tracker.on_sample(now, std::move(taken->sample), with_info);
}

void Sampling::scan(TimePoint now, DrainTracker& tracker) {
  const Result<Scan> scanned = sampler_.scan(now);
  if (!scanned) {
    ++stats_.errors["scan"];
    tracker.on_scan_error(scanned.error());
    return;
  }
  state_.last_scan = now;
  tracker.on_scan(now, *scanned);
}

void Sampling::update_network(DrainTracker& tracker) {
  const Result<NetworkIdentity> identity = network_.current();
  if (identity) {
    tracker.on_network(*identity);
  } else {
    ++stats_.errors["network"];
    tracker.on_network_error(identity.error());
  }
}

void Sampling::follow_closes(TimePoint now, bool watch, DrainTracker& tracker) {
  events_lost_ = false;
  if (!watch) {
    events_.reset();
    subscribe_failed_at_.reset();
    return;
  }
  if (events_) {
    read_events(now, tracker);
    return;
  }
  if (subscribe_failed_at_ && now - *subscribe_failed_at_ < kRetrySubscribe) return;
  Result<DestroyEvents> subscribed = DestroyEvents::subscribe();
  if (subscribed) {
    events_ = std::move(*subscribed);
    events_lost_ = true;  // those since the last tick
    subscribe_failed_at_.reset();
  } else {
    ++stats_.errors["events"];
    subscribe_failed_at_ = now;
    subscribe_error_ = subscribed.error().message;
  }
}

void Sampling::read_events(TimePoint now, DrainTracker& tracker) {
  // Bounded: a storm that outruns the reader counts as lost, which the counters then settle.
  constexpr int kMostBatches = 10;
  for (int i = 0; i < kMostBatches; ++i) {
    const Result<DestroyEvents::Batch> batch = events_->read();
    if (!batch) {
      ++stats_.errors["events"];
      events_lost_ = true;
      events_.reset();
      return;
    }
    for (const TcpSocket& socket : batch->destroyed) tracker.on_destroyed(now, socket);
    events_lost_ |= batch->lost_some;
    if (!batch->more) return;
  }
  events_lost_ = true;
}

bool Sampling::counters_unchanged(TimePoint now, DrainTracker& tracker) {
  const Result<TcpCounters> counters = sampler_.counters();
  if (!counters) {
    ++stats_.errors["counters"];
    if (events_lost_) tracker.on_unseen_opens(now);
    passive_opens_.reset();
    return false;
  }
  // Some notifications are missing: whether a connection came and went unseen, PassiveOpens tells.
  if (events_lost_ && passive_opens_ && *passive_opens_ != counters->passive_opens) {
    tracker.on_unseen_opens(now);
  }
  passive_opens_ = counters->passive_opens;
  return base_ == *counters;
}

std::vector<Reason> Sampling::notes() const {
  std::vector<Reason> notes;
  if (const std::string why = sampler_.why_not_better(); !why.empty()) {
    notes.push_back({"lesser_method", why});
  }
  if (subscribe_failed_at_) {
    notes.push_back(
        {"short_connections_unseen",
         "connections that come and go between two ticks are not seen: " + subscribe_error_});
  }
  return notes;
}

}  // namespace drainbow
