// Sockets as the kernel describes them, decoded into values. sockets/ makes them, drain/ judges
// them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "drain/address.h"

namespace drainbow {

// The kernel's numbers (include/net/tcp_states.h); the same in inet_diag and in /proc/net/tcp.
enum class TcpState : std::uint8_t {
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
  kNewSynRecv = 12,
};

// "ESTABLISHED", "CLOSE_WAIT", ...
std::string_view to_string(TcpState state);

// One TCP socket that is not a listener.
struct TcpSocket {
  // Identity for the socket's whole life, unique since boot. From the kernel with inet_diag; made
  // from addresses and ports where only /proc/net/tcp is there (a 4-tuple used again looks the
  // same).
  std::uint64_t cookie = 0;
  IpAddress local;
  IpAddress peer;
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  TcpState state = TcpState::kClose;
  std::uint8_t timer = 0;  // idiag_timer: 0 none, 1 retransmit, 2 keepalive, 4 zero window probe
  std::uint8_t retransmits = 0;     // idiag_retrans
  std::uint32_t receive_queue = 0;  // bytes received, not read by the app
  std::uint32_t send_queue = 0;     // bytes not acknowledged by the peer; a sent FIN takes one
  std::uint32_t inode = 0;          // 0: still in the accept queue, or orphaned
  // Since data was last sent or received. Only when tcp_info was asked for.
  std::optional<std::chrono::milliseconds> idle;
  // Payload bytes received over the connection's life, and one for the FIN. Only from tcp_info.
  std::optional<std::uint64_t> bytes_received;

  bool operator==(const TcpSocket&) const = default;
};

// A socket in LISTEN.
struct Listener {
  std::uint64_t cookie = 0;  // changes when the app closes it and listens again
  IpAddress address;
  std::uint16_t port = 0;

  bool operator==(const Listener&) const = default;
};

struct UdpSocket {
  IpAddress local;
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;  // 0: not connected

  bool operator==(const UdpSocket&) const = default;
};

// How a sample was taken.
enum class SampleMethod : std::uint8_t {
  kUnchanged,    // the namespace's TCP counters did not move: the last set holds
  kDump,         // inet_diag, both address families in one pass
  kDumpTwoPass,  // inet_diag, IPv4 then IPv6
  kProc,         // /proc/net/tcp and tcp6
};

// "unchanged", "dump", "dump-two-pass", "proc": the label value of drainbow_samples_total{method}.
std::string_view to_string(SampleMethod method);

// The Tcp: counters of the network namespace's /proc/net/snmp (RFC 4022 names them). No connection
// became established or left ESTABLISHED/CLOSE_WAIT between two reads that are equal.
struct TcpCounters {
  std::uint64_t active_opens = 0;
  std::uint64_t passive_opens = 0;
  std::uint64_t attempt_fails = 0;
  std::uint64_t estab_resets = 0;
  std::uint64_t current_established = 0;  // ESTABLISHED + CLOSE_WAIT now

  bool operator==(const TcpCounters&) const = default;
};

// Every TCP socket of the network namespace at one time: all states but TIME_WAIT, FIN_WAIT2, CLOSE
// and SYN_SENT, which never count.
struct Sample {
  std::vector<TcpSocket> sockets;  // in no order; each cookie once
  std::vector<Listener> listeners;
  SampleMethod method = SampleMethod::kDump;
  // The counters were the same before and after, and agree with the sockets seen: nothing was
  // missed. A dump is no snapshot: without this, churn may have hidden a socket that was there.
  bool confirmed = false;
  // The counter as it was after the last socket was read: no inbound connection that is not in the
  // sample was established unless it differs from that of a confirmed one.
  std::uint64_t passive_opens = 0;
};

// What the counters do not tell: who listens, and which UDP sockets there are.
struct Scan {
  std::vector<Listener> listeners;
  std::vector<UdpSocket> udp;
};

// The pod's network namespace as routing sees it.
struct NetworkIdentity {
  std::vector<IpAddress> own_addresses;  // of all interfaces, loopback included
  std::vector<IpAddress>
      default_gateways;  // on many networks the node, where kubelet's probes come from
  std::uint16_t ephemeral_first = 32768;  // ip_local_port_range
  std::uint16_t ephemeral_last = 60999;

  bool operator==(const NetworkIdentity&) const = default;
};

}  // namespace drainbow
