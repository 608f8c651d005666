// One GET over plain POSIX sockets, bounded in time and size.
//
// Not Boost.Beast: a single request to a numeric address needs neither an event loop nor a parser
// of all HTTP, and the probe, which is copied into other people's images, is half as big without.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "drain/address.h"
#include "drain/result.h"

namespace drainbow {

inline constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;

struct Fetched {
  bool refused = false;  // nobody listens there: `bytes` is empty
  std::string bytes;     // all that came before the connection's end
};

// `agent` is numeric, since static programs cannot resolve names (getaddrinfo loads shared
// libraries). `timeout` is for everything together.
Result<Fetched> http_get(const Endpoint& agent, std::string_view target,
                         std::chrono::milliseconds timeout);

}  // namespace drainbow
