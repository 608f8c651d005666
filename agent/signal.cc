#include "agent/signal.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace drainbow {
namespace {

using Timers = std::set<boost::asio::steady_timer*>;

// Registers a timer for as long as its owner's frame lives, also when that is destroyed early.
class Registration {
 public:
  Registration(Timers& timers, boost::asio::steady_timer& timer) : timers_(timers), timer_(&timer) {
    timers_.insert(timer_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { timers_.erase(timer_); }

 private:
  Timers& timers_;
  boost::asio::steady_timer* timer_;
};

}  // namespace

boost::asio::awaitable<void> Signal::wait_until(TimePoint deadline) {
  boost::asio::steady_timer timer(executor_, deadline);
  const Registration registration(waiting_, timer);
  boost::system::error_code cancelled;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

void Signal::notify_all() {
  for (boost::asio::steady_timer* timer : waiting_) timer->cancel();
}

}  // namespace drainbow
