// What counts as a connection of the pod, and in which class.
//
// Counted are inbound TCP connections in ESTABLISHED (also while still in the accept queue) and
// CLOSE_WAIT, and in FIN_WAIT1, CLOSING and LAST_ACK while data is unsent. Inbound means that the
// local port is a counted port.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "drain/address.h"
#include "drain/socket.h"
#include "drain/time.h"

namespace drainbow {

// What the flags say about counting.
struct CountPolicy {
  // --count-ports: no value is `auto`, every port with a listener in the pod.
  std::optional<std::set<std::uint16_t>> ports;
  std::set<std::uint16_t> ignored_ports;      // --ignore-ports: reported as ignored, never counted
  std::set<std::uint16_t> agent_ports;        // the agent's own listener: not even reported
  std::vector<Cidr> ignored_peers;            // --ignore-peers
  bool ignore_loopback = false;               // --ignore-loopback; `auto` always ignores loopback
  bool ignore_all_udp = false;                // --ignore-udp all
  std::set<std::uint16_t> ignored_udp_ports;  // --ignore-udp 53,443
  std::vector<IpAddress> node_ips;            // --node-ips: where kubelet's probes come from
  Millis transient_age{1000};                 // --transient-age

  bool automatic() const { return !ports.has_value(); }
};

// Exactly one for each socket on a counted or ignored port whose state counts, or that is
// half-open.
enum class ConnectionClass : std::uint8_t {
  kOpen,       // counted
  kTransient,  // younger than transient_age: probes do not flap the verdict
  kLoopback,   // peer is loopback or an address of the pod itself
  kIgnored,    // by --ignore-ports or --ignore-peers
  kHalfOpen,   // SYN_RECV: a scanner must not hold a color for ever
};
inline constexpr std::size_t kConnectionClasses = 5;

// "open", "transient", ...: the label value of drainbow_connections{class}.
std::string_view to_string(ConnectionClass connection_class);

// Which local ports make a connection inbound.
class CountedPorts {
 public:
  // `restored`: ports that were counted before the agent restarted. Their connections live on even
  // if the app has closed its listener meanwhile.
  CountedPorts(CountPolicy policy, std::set<std::uint16_t> restored);

  // Listeners as of now; replaces what was known of them.
  void on_listeners(std::span<const Listener> listeners);

  // Lets go of ports that no one listens on and that no connection in `in_use` holds any more: an
  // outbound connection may be given the same number next.
  void release_unused(const std::set<std::uint16_t>& in_use);

  // In automatic mode also any port outside the ephemeral range: outbound connections get their
  // numbers from inside it (ip_local_port_range, Documentation/networking/ip-sysctl.rst), so such a
  // socket was accepted by a listener that is gone.
  bool is_counted(std::uint16_t port, const NetworkIdentity& network) const;

  // Some counted port was seen with a listener since the agent's start. In automatic mode one on a
  // loopback address does not do: a proxy's admin port says nothing of the app.
  bool ever_seen_listening() const { return ever_seen_listening_; }

  // Ports of mesh proxies' inbound listeners that are listening but not counted (Istio 15006 and
  // 15008, Linkerd 4143): the app's connections end there, so the count would miss them.
  std::vector<std::uint16_t> uncounted_mesh_ports() const;

  // Automatic mode: listening or held by connections. For the state file.
  const std::set<std::uint16_t>& known() const { return known_; }

 private:
  bool in_policy(std::uint16_t port) const;

  CountPolicy policy_;
  std::set<std::uint16_t> listening_;
  std::set<std::uint16_t> known_;
  bool ever_seen_listening_ = false;
};

// One connection as it is followed from sample to sample.
struct TrackedConnection {
  TcpSocket socket;
  TimePoint first_seen;
  // Counts without waiting for transient_age: it was there in the agent's first sample.
  bool from_start = false;
  bool opened = false;       // its first sight as a counted one was noted
  bool reset_quiet = false;  // has reset the quiet clock, or has no need to
  bool destroyed = false;    // the kernel said so; the next sample will miss it
};

// Whether the state counts at all: closing sockets only while data is unsent. The FIN itself takes
// one of the send queue, so 1 means that nothing but the FIN is on its way.
bool state_counts(const TcpSocket& socket);

// The socket's class; nothing if it is not inbound or its state does not count.
std::optional<ConnectionClass> classify(const TrackedConnection& connection,
                                        const CountPolicy& policy, const CountedPorts& ports,
                                        const NetworkIdentity& network, TimePoint now);

// Whether the peer is the pod's own node, where kubelet's probes come from.
bool is_node(const IpAddress& peer, const CountPolicy& policy, const NetworkIdentity& network);

struct PortCounts {
  std::uint64_t of(ConnectionClass c) const { return by_class[static_cast<std::size_t>(c)]; }

  std::uint64_t by_class[kConnectionClasses] = {};
  std::uint64_t close_wait = 0;  // of the open ones: the peer has closed, the app has not
  std::uint64_t closing = 0;     // of the open ones: the app has closed, data is unsent
};

// Steps of the idle histogram.
inline constexpr std::array<std::chrono::hours, 4> kIdleSteps = {
    std::chrono::hours(1), std::chrono::hours(6), std::chrono::hours(24), std::chrono::hours(48)};

struct Counts {
  // So many of the oldest open connections are kept one by one, for people to look at.
  static constexpr std::size_t kOldest = 10;

  std::map<std::uint16_t, PortCounts> by_port;
  PortCounts total;
  std::vector<TrackedConnection> oldest_open;  // oldest first
  // How many open ones have been silent for at least each of kIdleSteps.
  std::array<std::uint64_t, kIdleSteps.size()> idle_over{};
  // First sight of the oldest open one whose idle time is not known.
  std::optional<TimePoint> idle_unknown;
  std::optional<TimePoint> next_change;  // when a transient one comes of age

  std::uint64_t open() const { return total.of(ConnectionClass::kOpen); }
};

Counts count(std::span<const TrackedConnection> connections, const CountPolicy& policy,
             const CountedPorts& ports, const NetworkIdentity& network, TimePoint now);

// UDP ports with a server that TCP counting cannot see: QUIC, games, media. In automatic mode an
// unconnected socket on a non-loopback address outside the ephemeral range (a DNS client is inside
// it, or connected); with a list a socket on a listed port.
std::set<std::uint16_t> unseen_udp_ports(std::span<const UdpSocket> sockets,
                                         const CountPolicy& policy, const NetworkIdentity& network);

// Whether a port's number suggests a metrics endpoint, whose scraper keeps a connection alive.
bool looks_scraped(std::uint16_t port);

}  // namespace drainbow
