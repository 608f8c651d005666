// An event loop that a test drives by hand: it waits for one thing at a time, never for ever.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

namespace drainbow::http {

class EventLoop {
 public:
  boost::asio::io_context& context() { return context_; }
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // Turns the loop until `done`. Throws when nothing at all happens for a long time.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      context_.restart();
      if (context_.run_one_for(std::chrono::seconds(20)) == 0) {
        throw std::runtime_error("the event loop waits for something that does not come");
      }
    }
  }

  // Turns the loop until the operation is done, and gives its result or throws its exception.
  template <typename T>
  T await(boost::asio::awaitable<T> operation) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(context_, std::move(operation), [&](std::exception_ptr thrown, T value) {
      failure = thrown;
      result = std::move(value);
    });
    run_until([&result] { return result.has_value(); });
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  // Everything that is ready now, without waiting.
  void settle() {
    context_.restart();
    while (context_.poll() > 0) {
    }
  }

 private:
  boost::asio::io_context context_{1};
};

}  // namespace drainbow::http
