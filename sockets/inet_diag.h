// The inet_diag protocol (NETLINK_SOCK_DIAG, linux/inet_diag.h) as bytes <-> values. No I/O in
// here.
//
// Decoding is strict: whatever is not exactly what the kernel documents is an Error, because a row
// that was skipped would be a connection that is not counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "drain/result.h"
#include "drain/socket.h"

namespace drainbow::inet_diag {

// A set of TcpState, one bit each (1 << state), as in idiag_states.
using StateMask = std::uint32_t;
constexpr StateMask mask_of(TcpState state) { return 1U << static_cast<unsigned>(state); }

// What a sample asks for: all that can count, half-open connections, and the listeners. FIN_WAIT2,
// TIME_WAIT, CLOSE and SYN_SENT never count.
inline constexpr StateMask kListenOnly = mask_of(TcpState::kListen);
inline constexpr StateMask kSampleStates =
    mask_of(TcpState::kEstablished) | mask_of(TcpState::kSynRecv) | mask_of(TcpState::kFinWait1) |
    mask_of(TcpState::kCloseWait) | mask_of(TcpState::kLastAck) | mask_of(TcpState::kClosing) |
    kListenOnly;
// Unconnected UDP sockets are in CLOSE, connected ones in ESTABLISHED (net/ipv4/udp_diag.c).
inline constexpr StateMask kUdpStates = mask_of(TcpState::kClose) | mask_of(TcpState::kEstablished);

enum class Protocol : std::uint8_t { kTcp, kUdp };

enum class Family : std::uint8_t {
  kBoth,  // one pass over both, by the older request TCPDIAG_GETSOCK; TCP only
  kV4,
  kV6,  // IPv4 clients of a dual-stack listener are in here
};

struct DumpRequest {
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kBoth;
  StateMask states = kSampleStates;
  bool with_info = false;  // struct tcp_info with each row
  std::uint32_t sequence = 0;
};

// The request as one netlink message.
std::vector<std::byte> encode(const DumpRequest& request);

// Decodes the datagrams that answer one DumpRequest.
class DumpDecoder {
 public:
  explicit DumpDecoder(const DumpRequest& request) : request_(request) {}

  // Appends the datagram's rows: listeners too (state LISTEN), and UDP sockets as if they were TCP
  // ones. True when the dump is complete. After an Error, all rows so far are worthless: the dump
  // is to be taken again, on a new socket. NEW_SYN_RECV is given as SYN_RECV.
  Result<bool> decode(std::span<const std::byte> datagram, std::vector<TcpSocket>& rows);

 private:
  DumpRequest request_;
  bool done_ = false;
};

// Decodes one datagram of the groups SKNLGRP_INET{,6}_TCP_DESTROY and appends its connections.
// Left out is the end of a listener. What this side aborted (SO_LINGER 0) has lost its peer's port,
// its tcp_info, and its own address unless it was bound to one; a connect() that failed looks the
// same, and is told apart by its local port only.
Result<void> decode_destroyed(std::span<const std::byte> datagram,
                              std::vector<TcpSocket>& connections);

}  // namespace drainbow::inet_diag
