// A NETLINK_SOCK_DIAG socket: libmnl's handle with an owner, and reading with a deadline.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

#include "drain/result.h"

struct mnl_socket;

namespace drainbow {

// Receives one datagram that the kernel sent, without waiting. Returns its length, or a negative
// errno: -EAGAIN nothing is there, -ENOBUFS some were lost, -EMSGSIZE it did not fit the buffer.
// What another process sent is dropped.
ssize_t receive_from_kernel(int fd, std::span<std::byte> buffer);

class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();

  Result<void> send(std::span<const std::byte> message);

  // The next datagram, written into `buffer`. Waits for it until the deadline.
  Result<std::span<const std::byte>> receive(std::span<std::byte> buffer,
                                             std::chrono::steady_clock::time_point deadline);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  using Handle = std::unique_ptr<mnl_socket, Close>;

  explicit NetlinkSocket(Handle handle) : handle_(std::move(handle)) {}

  Handle handle_;
};

}  // namespace drainbow
