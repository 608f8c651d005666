// Sockets on loopback that a method must show, to find out whether it works here.
#pragma once

#include <cstdint>
#include <vector>

#include "drain/result.h"
#include "sockets/unique_fd.h"

namespace drainbow {

// A listener on loopback with a port of the kernel's choice.
struct LoopbackListener {
  UniqueFd fd;
  std::uint64_t cookie = 0;
  std::uint16_t port = 0;
};

Result<LoopbackListener> listen_on_loopback_v4();

// One listener for each address family that the kernel has. The IPv6 one is bound to
// ::ffff:127.0.0.1, since pods without an IPv6 address may well have dual-stack listeners.
Result<std::vector<LoopbackListener>> listen_on_loopback();

// A connection to a LoopbackListener that is never accepted, with one byte sent into it.
struct UnacceptedConnection {
  LoopbackListener listener;
  UniqueFd client;
  std::uint16_t client_port = 0;

  static Result<UnacceptedConnection> make();
};

}  // namespace drainbow
