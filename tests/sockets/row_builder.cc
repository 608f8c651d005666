#include "tests/sockets/row_builder.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cstring>

namespace drainbow::testing {
namespace {

template <typename T>
void append(Datagram& datagram, const T& value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  datagram.insert(datagram.end(), bytes, bytes + sizeof(value));
}

void pad(Datagram& datagram) { datagram.resize((datagram.size() + 3) & ~std::size_t{3}); }

void put_address(__be32 (&words)[4], const IpAddress& address, bool as_v4) {
  const auto& bytes = address.bytes();
  if (as_v4) {
    std::memcpy(words, bytes.data() + 12, 4);
  } else {
    std::memcpy(words, bytes.data(), 16);
  }
}

tcp_info make_info(const TcpSocket& socket) {
  tcp_info info{};
  info.tcpi_state = static_cast<__u8>(socket.state);
  if (socket.idle) {
    info.tcpi_last_data_recv = static_cast<std::uint32_t>(socket.idle->count());
    info.tcpi_last_data_sent = info.tcpi_last_data_recv | 0x80000000;
  }
  info.tcpi_bytes_received = socket.bytes_received.value_or(0);
  return info;
}

void append_attribute(Datagram& datagram, std::uint16_t type, const void* data,
                      std::size_t length) {
  rtattr header{};
  header.rta_type = type;
  header.rta_len = static_cast<std::uint16_t>(sizeof(header) + length);
  append(datagram, header);
  const auto* bytes = static_cast<const std::byte*>(data);
  datagram.insert(datagram.end(), bytes, bytes + length);
  pad(datagram);
}

void set_length(Datagram& datagram, std::size_t message_start) {
  const auto length = static_cast<std::uint32_t>(datagram.size() - message_start);
  std::memcpy(datagram.data() + message_start, &length, sizeof(length));
}

}  // namespace

std::size_t full_info_length() { return sizeof(tcp_info); }

void append_row(Datagram& datagram, const TcpSocket& socket, const RowOptions& options) {
  const std::size_t start = datagram.size();
  nlmsghdr header{};
  header.nlmsg_type = options.type;
  header.nlmsg_flags = options.flags;
  header.nlmsg_seq = options.sequence;
  append(datagram, header);

  const bool as_v4 = socket.local.is_v4() && socket.peer.is_v4() && !options.mapped;
  inet_diag_msg row{};
  row.idiag_family = as_v4 ? AF_INET : AF_INET6;
  row.idiag_state = static_cast<__u8>(socket.state);
  row.idiag_timer = socket.timer;
  row.idiag_retrans = socket.retransmits;
  put_address(row.id.idiag_src, socket.local, as_v4);
  put_address(row.id.idiag_dst, socket.peer, as_v4);
  row.id.idiag_sport = htons(socket.local_port);
  row.id.idiag_dport = htons(socket.peer_port);
  row.id.idiag_cookie[0] = static_cast<std::uint32_t>(socket.cookie);
  row.id.idiag_cookie[1] = static_cast<std::uint32_t>(socket.cookie >> 32);
  row.idiag_rqueue = socket.receive_queue;
  row.idiag_wqueue = socket.send_queue;
  row.idiag_inode = socket.inode;
  append(datagram, row);

  const std::uint8_t shutdown = 0;
  append_attribute(datagram, INET_DIAG_SHUTDOWN, &shutdown, sizeof(shutdown));
  if (options.info_length) {
    const tcp_info info = make_info(socket);
    append_attribute(datagram, INET_DIAG_INFO, &info, std::min(*options.info_length, sizeof(info)));
  }
  set_length(datagram, start);
}

void append_result(Datagram& datagram, std::uint16_t type, int code, std::uint32_t sequence,
                   std::uint16_t flags) {
  const std::size_t start = datagram.size();
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  append(datagram, header);
  append(datagram, code);
  set_length(datagram, start);
}

}  // namespace drainbow::testing
