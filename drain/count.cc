#include "drain/count.h"

#include <algorithm>
#include <array>

namespace drainbow {
namespace {

// Istio: istio.io/latest/docs/ops/deployment/application-requirements (15006 inbound, 15008 HBONE).
// Linkerd: linkerd.io/2/reference/proxy-configuration (4143 inbound).
constexpr std::array<std::uint16_t, 3> kMeshInboundPorts = {4143, 15006, 15008};

// github.com/prometheus/prometheus/wiki/Default-port-allocations gives exporters 9090 to 9999;
// 15020 and 15090 are Istio's merged metrics and Envoy's own.
constexpr std::uint16_t kFirstExporterPort = 9090;
constexpr std::uint16_t kLastExporterPort = 9999;
constexpr std::array<std::uint16_t, 2> kMeshMetricsPorts = {15020, 15090};

bool is_ephemeral(std::uint16_t port, const NetworkIdentity& network) {
  return port >= network.ephemeral_first && port <= network.ephemeral_last;
}

bool is_closing(TcpState state) {
  return state == TcpState::kFinWait1 || state == TcpState::kClosing || state == TcpState::kLastAck;
}

bool is_half_open(TcpState state) {
  return state == TcpState::kSynRecv || state == TcpState::kNewSynRecv;
}

bool is_own_or_loopback(const IpAddress& peer, const NetworkIdentity& network) {
  return peer.is_loopback() ||
         std::ranges::find(network.own_addresses, peer) != network.own_addresses.end();
}

void add(PortCounts& counts, ConnectionClass connection_class, TcpState state) {
  ++counts.by_class[static_cast<std::size_t>(connection_class)];
  if (connection_class != ConnectionClass::kOpen) return;
  if (state == TcpState::kCloseWait) ++counts.close_wait;
  if (is_closing(state)) ++counts.closing;
}

bool older(const TrackedConnection& a, const TrackedConnection& b) {
  return std::pair(a.first_seen, a.socket.cookie) < std::pair(b.first_seen, b.socket.cookie);
}

void add_open(Counts& counts, const TrackedConnection& connection) {
  auto& oldest = counts.oldest_open;
  if (oldest.size() < Counts::kOldest || older(connection, oldest.back())) {
    oldest.insert(std::ranges::upper_bound(oldest, connection, older), connection);
    if (oldest.size() > Counts::kOldest) oldest.pop_back();
  }
  const auto& idle = connection.socket.idle;
  if (!idle) {
    counts.idle_unknown =
        std::min(counts.idle_unknown.value_or(connection.first_seen), connection.first_seen);
  }
  for (std::size_t i = 0; i < kIdleSteps.size(); ++i) {
    if (idle && *idle >= kIdleSteps[i]) ++counts.idle_over[i];
  }
}

}  // namespace

std::string_view to_string(ConnectionClass connection_class) {
  switch (connection_class) {
    case ConnectionClass::kOpen:
      return "open";
    case ConnectionClass::kTransient:
      return "transient";
    case ConnectionClass::kLoopback:
      return "loopback";
    case ConnectionClass::kIgnored:
      return "ignored";
    case ConnectionClass::kHalfOpen:
      return "half_open";
  }
  return "unknown";
}

CountedPorts::CountedPorts(CountPolicy policy, std::set<std::uint16_t> restored)
    : policy_(std::move(policy)) {
  if (policy_.automatic()) known_ = std::move(restored);
}

bool CountedPorts::in_policy(std::uint16_t port) const {
  if (policy_.ignored_ports.contains(port)) return false;
  return policy_.ports ? policy_.ports->contains(port) : !policy_.agent_ports.contains(port);
}

void CountedPorts::on_listeners(std::span<const Listener> listeners) {
  listening_.clear();
  for (const Listener& listener : listeners) {
    listening_.insert(listener.port);
    if (!in_policy(listener.port)) continue;
    if (policy_.automatic()) known_.insert(listener.port);
    if (!policy_.automatic() || !listener.address.is_loopback()) ever_seen_listening_ = true;
  }
}

void CountedPorts::release_unused(const std::set<std::uint16_t>& in_use) {
  std::erase_if(known_, [&](std::uint16_t port) {
    return !listening_.contains(port) && !in_use.contains(port);
  });
}

bool CountedPorts::is_counted(std::uint16_t port, const NetworkIdentity& network) const {
  if (!in_policy(port)) return false;
  return !policy_.automatic() || known_.contains(port) || !is_ephemeral(port, network);
}

std::vector<std::uint16_t> CountedPorts::uncounted_mesh_ports() const {
  std::vector<std::uint16_t> ports;
  std::ranges::copy_if(kMeshInboundPorts, std::back_inserter(ports), [this](std::uint16_t port) {
    return listening_.contains(port) && !in_policy(port);
  });
  return ports;
}

bool state_counts(const TcpSocket& socket) {
  switch (socket.state) {
    case TcpState::kEstablished:
    case TcpState::kCloseWait:
      return true;
    case TcpState::kFinWait1:
    case TcpState::kClosing:
    case TcpState::kLastAck:
      return socket.send_queue > 1;
    case TcpState::kSynSent:
    case TcpState::kSynRecv:
    case TcpState::kNewSynRecv:
    case TcpState::kFinWait2:
    case TcpState::kTimeWait:
    case TcpState::kClose:
    case TcpState::kListen:
      return false;
  }
  return true;  // a state this code does not know: rather too many than too few
}

std::optional<ConnectionClass> classify(const TrackedConnection& connection,
                                        const CountPolicy& policy, const CountedPorts& ports,
                                        const NetworkIdentity& network, TimePoint now) {
  const TcpSocket& socket = connection.socket;
  if (!is_half_open(socket.state) && !state_counts(socket)) return std::nullopt;
  const bool counted = ports.is_counted(socket.local_port, network);
  const bool ignored_port = policy.ignored_ports.contains(socket.local_port);
  if (!counted && !ignored_port) return std::nullopt;
  if (is_half_open(socket.state)) return ConnectionClass::kHalfOpen;
  const auto names_peer = [&](const Cidr& cidr) { return cidr.contains(socket.peer); };
  if (ignored_port || std::ranges::any_of(policy.ignored_peers, names_peer)) {
    return ConnectionClass::kIgnored;
  }
  if ((policy.automatic() || policy.ignore_loopback) && is_own_or_loopback(socket.peer, network)) {
    return ConnectionClass::kLoopback;
  }
  const bool young = now - connection.first_seen < policy.transient_age;
  return young && !connection.from_start ? ConnectionClass::kTransient : ConnectionClass::kOpen;
}

bool is_node(const IpAddress& peer, const CountPolicy& policy, const NetworkIdentity& network) {
  return std::ranges::find(policy.node_ips, peer) != policy.node_ips.end() ||
         std::ranges::find(network.default_gateways, peer) != network.default_gateways.end();
}

Counts count(std::span<const TrackedConnection> connections, const CountPolicy& policy,
             const CountedPorts& ports, const NetworkIdentity& network, TimePoint now) {
  Counts counts;
  for (const TrackedConnection& connection : connections) {
    const auto connection_class = classify(connection, policy, ports, network, now);
    if (!connection_class) continue;
    const TcpSocket& socket = connection.socket;
    add(counts.by_port[socket.local_port], *connection_class, socket.state);
    add(counts.total, *connection_class, socket.state);
    if (*connection_class == ConnectionClass::kOpen) add_open(counts, connection);
    if (*connection_class == ConnectionClass::kTransient) {
      const TimePoint of_age = connection.first_seen + policy.transient_age;
      counts.next_change = std::min(counts.next_change.value_or(of_age), of_age);
    }
  }
  return counts;
}

std::set<std::uint16_t> unseen_udp_ports(std::span<const UdpSocket> sockets,
                                         const CountPolicy& policy,
                                         const NetworkIdentity& network) {
  std::set<std::uint16_t> unseen;
  if (policy.ignore_all_udp) return unseen;
  for (const UdpSocket& socket : sockets) {
    if (policy.ignored_udp_ports.contains(socket.local_port)) continue;
    const bool server = policy.ports ? policy.ports->contains(socket.local_port)
                                     : socket.peer_port == 0 && !socket.local.is_loopback() &&
                                           !is_ephemeral(socket.local_port, network);
    if (server) unseen.insert(socket.local_port);
  }
  return unseen;
}

bool looks_scraped(std::uint16_t port) {
  return (port >= kFirstExporterPort && port <= kLastExporterPort) ||
         std::ranges::find(kMeshMetricsPorts, port) != kMeshMetricsPorts.end();
}

}  // namespace drainbow
