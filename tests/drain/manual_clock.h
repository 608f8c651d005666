// A clock that moves only when told to.
#pragma once

#include "drain/time.h"

namespace drainbow {

class ManualClock {
 public:
  TimePoint now() const { return now_; }
  TimePoint advance(Millis by) { return now_ += by; }

 private:
  // Some uptime, so that nothing works only because of a zero.
  TimePoint now_ = TimePoint(std::chrono::hours(1000) + Millis(7));
};

}  // namespace drainbow
