// Builds the kernel's side of inet_diag, byte by byte, for tests of the decoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "drain/socket.h"

namespace drainbow::testing {

using Datagram = std::vector<std::byte>;

struct RowOptions {
  std::uint16_t type = 18;  // TCPDIAG_GETSOCK; 20 is SOCK_DIAG_BY_FAMILY
  std::uint16_t flags = 2;  // NLM_F_MULTI
  std::uint32_t sequence = 1;
  bool mapped = false;                     // IPv4 as AF_INET6 with ::ffff:
  std::optional<std::size_t> info_length;  // INET_DIAG_INFO, cut to so many bytes of tcp_info
};

// Appends the row of `socket`, padded. An idle time is tcpi_last_data_recv, with a later
// tcpi_last_data_sent.
void append_row(Datagram& datagram, const TcpSocket& socket, const RowOptions& options = {});

// Appends NLMSG_DONE (3) or NLMSG_ERROR (2) with its code.
void append_result(Datagram& datagram, std::uint16_t type, int code, std::uint32_t sequence = 1,
                   std::uint16_t flags = 2);

// tcp_info of this build's kernel headers.
std::size_t full_info_length();

}  // namespace drainbow::testing
