#include "kube/watch_health.h"

#include <utility>

namespace drainbow::kube {

void WatchHealth::on_list(TimePoint asked) { prove(asked); }

void WatchHealth::on_open(TimePoint now) {
  if (broken_since_) reopened_at_ = now;
}

void WatchHealth::on_change(TimePoint now) {
  const bool catching_up = reopened_at_ && now - *reopened_at_ < kCatchUp;
  if (!catching_up) prove(now);
}

void WatchHealth::on_bookmark(TimePoint now) { prove(now); }

void WatchHealth::prove(TimePoint at) {
  proven_at_ = at;
  broken_since_.reset();
  reopened_at_.reset();
}

void WatchHealth::on_end(TimePoint now, std::string why) {
  problem_ = std::move(why);
  if (!broken_since(now)) broken_since_ = now;
  reopened_at_.reset();
}

bool WatchHealth::resumable(TimePoint now) const {
  return proven_at_ && now - *proven_at_ <= kResumable;
}

std::optional<TimePoint> WatchHealth::broken_since(TimePoint now) const {
  if (reopened_at_ && now - *reopened_at_ >= kCatchUp) return std::nullopt;
  return broken_since_;
}

std::string WatchHealth::problem(TimePoint now) const {
  return broken_since(now) ? problem_ : std::string();
}

}  // namespace drainbow::kube
