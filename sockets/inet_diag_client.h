// Asks the kernel for its sockets through inet_diag and waits for the whole answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "drain/result.h"
#include "drain/socket.h"
#include "sockets/inet_diag.h"
#include "sockets/netlink_socket.h"

namespace drainbow {

class InetDiagClient {
 public:
  // A dump that takes longer is an Error, so that nothing can hang. 100,000 rows take about 0.1 s.
  static constexpr std::chrono::seconds kDeadline{5};
  // More rows than that are an Error: a bound for memory, far above what one pod holds.
  static constexpr std::size_t kMaxRows = 2'000'000;

  // Every row of the answer, in the kernel's order, so a socket that moved during the dump may be
  // there twice. The request's sequence number is chosen here.
  Result<std::vector<TcpSocket>> dump(inet_diag::DumpRequest request);

 private:
  Result<std::vector<TcpSocket>> dump_on(NetlinkSocket& socket,
                                         const inet_diag::DumpRequest& request);

  std::optional<NetlinkSocket> socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
  std::size_t last_rows_ = 0;
};

}  // namespace drainbow
