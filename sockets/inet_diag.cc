#include "sockets/inet_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

namespace drainbow::inet_diag {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t aligned(std::size_t length) {
  return (length + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}
static_assert(NLMSG_ALIGNTO == RTA_ALIGNTO);

// A C structure at the start of `bytes`, which are at least as long.
template <typename T>
T load(Bytes bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

struct Message {
  nlmsghdr header;
  Bytes payload;
};

// Cuts the first message off `bytes`.
Result<Message> next_message(Bytes& bytes) {
  if (bytes.size() < sizeof(nlmsghdr)) return Error{"a netlink message ends inside its header"};
  const auto header = load<nlmsghdr>(bytes);
  // The kernel pads every message, the last one too (nlmsg_put in include/net/netlink.h).
  if (header.nlmsg_len < sizeof(nlmsghdr) || aligned(header.nlmsg_len) > bytes.size()) {
    return Error{"a netlink message of length " + std::to_string(header.nlmsg_len) +
                 " does not fit its datagram"};
  }
  const Message message{
      .header = header,
      .payload = bytes.subspan(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr))};
  bytes = bytes.subspan(aligned(header.nlmsg_len));
  return message;
}

std::string error_text(int code) {
  return std::string(std::strerror(code)) + " (" + std::to_string(code) + ")";
}

// The code in NLMSG_ERROR and NLMSG_DONE: 0, or an errno made negative.
Result<void> check_code(Bytes payload) {
  if (payload.size() < sizeof(int)) return Error{"a netlink result without its code"};
  const int code = load<int>(payload);
  if (code == 0) return {};
  if (code < 0 && code >= -4095) return Error{"the kernel answered " + error_text(-code)};
  return Error{"a netlink result with the impossible code " + std::to_string(code)};
}

Result<TcpState> decode_state(std::uint8_t state) {
  if (state < static_cast<std::uint8_t>(TcpState::kEstablished) ||
      state > static_cast<std::uint8_t>(TcpState::kNewSynRecv)) {
    return Error{"a socket in the unknown state " + std::to_string(state)};
  }
  const auto known = static_cast<TcpState>(state);
  return known == TcpState::kNewSynRecv ? TcpState::kSynRecv : known;
}

IpAddress decode_address(std::uint8_t family, const __be32 (&words)[4]) {
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 16>>(words);
  if (family == AF_INET6) return IpAddress::v6(bytes);
  return IpAddress::v4(std::span(bytes).first<4>());
}

// A field of tcp_info, if this kernel's tcp_info reaches so far.
template <typename T>
std::optional<T> info_field(Bytes info, std::size_t offset) {
  if (info.size() < offset + sizeof(T)) return std::nullopt;
  return load<T>(info.subspan(offset));
}

void decode_info(Bytes info, TcpSocket& socket) {
  const auto sent = info_field<std::uint32_t>(info, offsetof(tcp_info, tcpi_last_data_sent));
  const auto received = info_field<std::uint32_t>(info, offsetof(tcp_info, tcpi_last_data_recv));
  if (sent && received) socket.idle = std::chrono::milliseconds(std::min(*sent, *received));
  socket.bytes_received = info_field<std::uint64_t>(info, offsetof(tcp_info, tcpi_bytes_received));
}

Result<void> decode_attributes(Bytes bytes, TcpSocket& socket) {
  while (!bytes.empty()) {
    if (bytes.size() < sizeof(rtattr)) return Error{"an attribute ends inside its header"};
    const auto header = load<rtattr>(bytes);
    if (header.rta_len < sizeof(rtattr) || header.rta_len > bytes.size()) {
      return Error{"an attribute of length " + std::to_string(header.rta_len) +
                   " does not fit its message"};
    }
    // No attribute has it, but the header of a message that a too great length swallowed does.
    if (header.rta_type == INET_DIAG_NONE) return Error{"an attribute of type 0"};
    if (header.rta_type == INET_DIAG_INFO) {
      decode_info(bytes.subspan(sizeof(rtattr), header.rta_len - sizeof(rtattr)), socket);
    }
    bytes = bytes.subspan(std::min(aligned(header.rta_len), bytes.size()));
  }
  return {};
}

Result<TcpSocket> decode_socket(Bytes payload) {
  if (payload.size() < sizeof(inet_diag_msg)) {
    return Error{"a socket's row of only " + std::to_string(payload.size()) + " bytes"};
  }
  const auto row = load<inet_diag_msg>(payload);
  if (row.idiag_family != AF_INET && row.idiag_family != AF_INET6) {
    return Error{"a socket of the unknown family " + std::to_string(row.idiag_family)};
  }
  const Result<TcpState> state = decode_state(row.idiag_state);
  if (!state) return state.error();

  TcpSocket socket;
  socket.cookie = row.id.idiag_cookie[0] | std::uint64_t{row.id.idiag_cookie[1]} << 32;
  socket.local = decode_address(row.idiag_family, row.id.idiag_src);
  socket.peer = decode_address(row.idiag_family, row.id.idiag_dst);
  socket.local_port = ntohs(row.id.idiag_sport);
  socket.peer_port = ntohs(row.id.idiag_dport);
  socket.state = *state;
  socket.timer = row.idiag_timer;
  socket.retransmits = row.idiag_retrans;
  socket.receive_queue = row.idiag_rqueue;
  socket.send_queue = row.idiag_wqueue;
  socket.inode = row.idiag_inode;
  // Rows are told apart by it; the kernel counts cookies from 1 (net/core/sock_diag.c).
  if (socket.cookie == 0) return Error{"a socket without a cookie"};
  const Result<void> attributes = decode_attributes(payload.subspan(sizeof(row)), socket);
  if (!attributes) return attributes.error();
  return socket;
}

std::uint16_t row_type(const DumpRequest& request) {
  return request.family == Family::kBoth ? TCPDIAG_GETSOCK : SOCK_DIAG_BY_FAMILY;
}

bool family_fits(const DumpRequest& request, Bytes row) {
  const auto family = std::to_integer<int>(row[offsetof(inet_diag_msg, idiag_family)]);
  switch (request.family) {
    case Family::kBoth:
      return true;
    case Family::kV4:
      return family == AF_INET;
    case Family::kV6:
      return family == AF_INET6;
  }
  return false;
}

Result<void> decode_row(const DumpRequest& request, const Message& message,
                        std::vector<TcpSocket>& rows) {
  if (message.header.nlmsg_type != row_type(request)) {
    return Error{"a netlink message of the unexpected type " +
                 std::to_string(message.header.nlmsg_type)};
  }
  const Result<TcpSocket> socket = decode_socket(message.payload);
  if (!socket) return socket.error();
  if (!family_fits(request, message.payload)) {
    return Error{"a socket of a family that was not asked for"};
  }
  // The kernel selects by state first and fills the row later (inet_diag_dump_icsk in
  // net/ipv4/inet_diag.c), so a socket may have moved on to a state that was not asked for.
  if ((mask_of(socket->state) & request.states) != 0) rows.push_back(*socket);
  return {};
}

template <typename Body>
std::vector<std::byte> encode_message(std::uint16_t type, std::uint32_t sequence,
                                      const Body& body) {
  nlmsghdr header{};
  header.nlmsg_len = sizeof(header) + sizeof(body);
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header.nlmsg_seq = sequence;
  std::vector<std::byte> bytes(sizeof(header) + sizeof(body));
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), &body, sizeof(body));
  return bytes;
}

}  // namespace

std::vector<std::byte> encode(const DumpRequest& request) {
  const std::uint8_t extensions = request.with_info ? 1U << (INET_DIAG_INFO - 1) : 0;
  if (request.family == Family::kBoth) {
    inet_diag_req body{};
    body.idiag_ext = extensions;
    body.idiag_states = request.states;
    return encode_message(TCPDIAG_GETSOCK, request.sequence, body);
  }
  inet_diag_req_v2 body{};
  body.sdiag_family = request.family == Family::kV4 ? AF_INET : AF_INET6;
  body.sdiag_protocol = request.protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP;
  body.idiag_ext = extensions;
  body.idiag_states = request.states;
  return encode_message(SOCK_DIAG_BY_FAMILY, request.sequence, body);
}

Result<bool> DumpDecoder::decode(Bytes datagram, std::vector<TcpSocket>& rows) {
  if (datagram.empty()) return Error{"an empty netlink datagram"};
  while (!datagram.empty()) {
    if (done_) return Error{"more after the end of a dump"};
    const Result<Message> message = next_message(datagram);
    if (!message) return message.error();
    const nlmsghdr& header = message->header;
    if (header.nlmsg_seq != request_.sequence) {
      return Error{"an answer with sequence number " + std::to_string(header.nlmsg_seq) +
                   " to request " + std::to_string(request_.sequence)};
    }
    if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) return Error{"the dump was interrupted"};
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      const Result<void> code = check_code(message->payload);
      if (!code) return code.error();
      if (header.nlmsg_type == NLMSG_ERROR) return Error{"an acknowledgement instead of a dump"};
      done_ = true;
      continue;
    }
    const Result<void> row = decode_row(request_, *message, rows);
    if (!row) return row.error();
  }
  return done_;
}

Result<void> decode_destroyed(Bytes datagram, std::vector<TcpSocket>& connections) {
  if (datagram.empty()) return Error{"an empty netlink datagram"};
  while (!datagram.empty()) {
    const Result<Message> message = next_message(datagram);
    if (!message) return message.error();
    if (message->header.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
      return Error{"a netlink message of the unexpected type " +
                   std::to_string(message->header.nlmsg_type)};
    }
    Result<TcpSocket> socket = decode_socket(message->payload);
    if (!socket) return socket.error();
    if (socket->peer.is_unspecified()) continue;  // a listener never had one
    if (socket->peer_port == 0) {
      // tcp_disconnect() in net/ipv4/tcp.c has cleared these.
      socket->bytes_received.reset();
      socket->idle.reset();
    }
    connections.push_back(*socket);
  }
  return {};
}

}  // namespace drainbow::inet_diag
