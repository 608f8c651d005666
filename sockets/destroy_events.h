// Notifications of TCP sockets that the kernel destroyed: NETLINK_SOCK_DIAG multicast groups
// SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY (net/core/sock_diag.c), unprivileged, for
// this network namespace only. They show the connections that came and went between two samples.
#pragma once

#include <vector>

#include "drain/result.h"
#include "drain/socket.h"
#include "sockets/unique_fd.h"

namespace drainbow {

class DestroyEvents {
 public:
  // Joins both groups, with the largest receive buffer that is allowed.
  static Result<DestroyEvents> subscribe();

  struct Batch {
    // `state` is CLOSE for each, so only cookie, addresses, ports and bytes_received tell
    // something. Listeners' ends are left out. A connection that this side aborted (SO_LINGER 0)
    // has peer port 0, no bytes_received, and perhaps no local address; so has a connect() that
    // failed, on an ephemeral local port.
    std::vector<TcpSocket> destroyed;
    bool lost_some = false;  // the buffer overflowed (ENOBUFS), or a message did not decode
    bool more = false;       // the bound of one call was reached; call again
  };

  // Everything that waits, without blocking; at most 20,000 a call.
  Result<Batch> read();

  int fd() const;  // readable when something waits; owned by this object

 private:
  explicit DestroyEvents(UniqueFd fd);
  UniqueFd fd_;
};

}  // namespace drainbow
