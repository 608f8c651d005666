// How long to wait before the next attempt: doubling, capped, and with full jitter, so that the
// agents of a whole cluster do not come back as one when its API server does. Pure.
#pragma once

#include "drain/time.h"

namespace drainbow::kube {

class Backoff {
 public:
  // `first` and `most` bound the range that a wait is drawn from.
  Backoff(Millis first, Millis most) : first_(first), most_(most), limit_(first) {}

  // Another attempt has failed. `random` is from [0, 1); `retry_after` is what the server asked
  // for, to which the jitter is added; zero if it did not.
  Millis next(double random, Millis retry_after = Millis(0));

  // Things went well for long.
  void reset() { limit_ = first_; }

 private:
  Millis first_;
  Millis most_;
  Millis limit_;  // of the next wait
};

}  // namespace drainbow::kube
