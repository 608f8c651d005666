// The ways to count one port's connections that the bench compares.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "drain/result.h"

namespace drainbow::bench {

struct Method {
  std::string name;
  // One exact count of the connections in ESTABLISHED on the port: as of now, by this way alone.
  std::function<Result<std::uint64_t>()> count;
};

// To compare one more, add it to this table. What a method keeps between two counts (open sockets,
// buffers) lives in its callable.
std::vector<Method> counting_methods(std::uint16_t port);

}  // namespace drainbow::bench
