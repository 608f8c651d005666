// A condition variable for coroutines of one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>

#include "drain/time.h"

namespace drainbow {

class Signal {
 public:
  explicit Signal(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  // Returns at the next notify_all(), at `deadline`, or when the waiting coroutine is cancelled.
  boost::asio::awaitable<void> wait_until(TimePoint deadline);

  void notify_all();

 private:
  boost::asio::any_io_executor executor_;
  std::set<boost::asio::steady_timer*> waiting_;  // each on the frame of its wait_until()
};

}  // namespace drainbow
