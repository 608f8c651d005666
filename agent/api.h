// The agent's paths. See README.md, "Agent interface".
#pragma once

#include <cstddef>

#include "agent/agent.h"
#include "http/server.h"

namespace drainbow {

class Api {
 public:
  // Long polls never take all places of the server. Hooks have no bound but these places: one that
  // was refused would cost its pod's connections.
  static constexpr std::size_t kMostLongPolls = 64;

  explicit Api(Agent& agent, std::size_t most_long_polls = kMostLongPolls)
      : agent_(agent), most_long_polls_(most_long_polls) {}

  http::Reply operator()(const http::Request& request);

 private:
  http::Reply wait(const http::Request& request);
  boost::asio::awaitable<http::Response> long_poll(Verdict wanted, TimePoint deadline);
  boost::asio::awaitable<http::Response> hook();

  Agent& agent_;
  std::size_t most_long_polls_;
  std::size_t long_polls_ = 0;
};

}  // namespace drainbow
