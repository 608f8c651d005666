#include "kube/backoff.h"

#include <algorithm>

namespace drainbow::kube {
namespace {

// A server that asks for more is asked again all the same: an agent without a view says `unknown`,
// and holds its color.
constexpr Millis kMostRetryAfter{60'000};

}  // namespace

Millis Backoff::next(double random, Millis retry_after) {
  const auto jitter = static_cast<Millis::rep>(random * static_cast<double>(limit_.count()));
  limit_ = std::min(2 * limit_, most_);
  return std::clamp(retry_after, Millis(0), kMostRetryAfter) + Millis(jitter);
}

}  // namespace drainbow::kube
