#include "sockets/network_monitor.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/route.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

#include "sockets/errno_error.h"
#include "sockets/netlink_socket.h"
#include "sockets/unique_fd.h"

namespace drainbow {
namespace {

// Bounds for memory; more is an Error. A pod has a handful of each.
constexpr std::size_t kMostAddresses = 4096;
constexpr std::size_t kMostGateways = 64;
// A table that changes while it is read is read again, up to so many times in all.
constexpr int kReadTries = 3;

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
using NlSocket = std::unique_ptr<nl_sock, FreeSocket>;

Error nl_error(std::string_view doing, int code) { return Error{nl_geterror(code)}.wrap(doing); }

Result<NlSocket> open_route_socket() {
  NlSocket socket(nl_socket_alloc());
  if (!socket) return Error{"no memory for a route socket"};
  const int failure = nl_connect(socket.get(), NETLINK_ROUTE);
  if (failure < 0) return nl_error("opening a route socket", failure);
  ::fcntl(nl_socket_get_fd(socket.get()), F_SETFD, FD_CLOEXEC);
  return socket;
}

Result<NlSocket> subscribe_to_changes() {
  Result<NlSocket> socket = open_route_socket();
  if (!socket) return socket;
  // A link that goes down takes its IPv4 routes along without a notification of theirs
  // (fib_sync_down_dev in net/ipv4/fib_semantics.c).
  const int failure = nl_socket_add_memberships(socket->get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                                RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                                RTNLGRP_IPV6_ROUTE, RTNLGRP_NONE);
  if (failure < 0) return nl_error("subscribing to addresses and routes", failure);
  return socket;
}

// Takes all waiting notifications away, unread: what matters is that there was one.
Result<bool> drain(nl_sock* socket) {
  std::array<std::byte, 4096> buffer{};
  for (bool any = false;; any = true) {
    const ssize_t length = receive_from_kernel(nl_socket_get_fd(socket), buffer);
    if (length == -EAGAIN) return any;
    // Lost or cut ones are notifications all the same.
    if (length < 0 && length != -ENOBUFS && length != -EMSGSIZE) {
      return errno_error("waiting for address and route changes", static_cast<int>(-length));
    }
  }
}

using Visit = std::function<void(nl_object*)>;

struct ObjectVisit {
  // What libnl cannot parse is left out: a gateway or an own address that is missing only makes
  // more connections count.
  static int on_message(nl_msg* message, void* visit) {
    nl_msg_parse(message, &ObjectVisit::on_object, visit);
    return NL_OK;
  }
  static void on_object(nl_object* object, void* visit) { (*static_cast<Visit*>(visit))(object); }
};

// Asks for one whole table and visits its objects one by one, so that a large routing table is
// never held in memory.
Result<void> dump_table(int request, int family, Visit visit) {
  const Result<NlSocket> socket = open_route_socket();
  if (!socket) return socket.error();
  // The kernel answers at once; this is only so that nothing can hang.
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(nl_socket_get_fd(socket->get()), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  nl_socket_modify_cb(socket->get(), NL_CB_VALID, NL_CB_CUSTOM, &ObjectVisit::on_message, &visit);

  rtmsg body{};
  body.rtm_family = static_cast<unsigned char>(family);
  int failure = nl_send_simple(socket->get(), request, NLM_F_DUMP, &body, sizeof(body));
  if (failure >= 0) failure = nl_recvmsgs_default(socket->get());
  if (failure < 0) return nl_error("reading addresses and routes", failure);
  return {};
}

std::optional<IpAddress> to_address(const nl_addr* address) {
  if (address == nullptr) return std::nullopt;
  const auto* bytes = static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(address));
  const unsigned length = nl_addr_get_len(address);
  const int family = nl_addr_get_family(address);
  if (family == AF_INET && length == 4) return IpAddress::v4(std::span<const uint8_t, 4>(bytes, 4));
  if (family == AF_INET6 && length == 16) {
    return IpAddress::v6(std::span<const uint8_t, 16>(bytes, 16));
  }
  return std::nullopt;
}

void add_once(std::vector<IpAddress>& addresses, const std::optional<IpAddress>& address) {
  if (address && std::ranges::count(addresses, *address) == 0) addresses.push_back(*address);
}

bool is_default_route(rtnl_route* route) {
  const nl_addr* destination = rtnl_route_get_dst(route);
  return rtnl_route_get_table(route) == RT_TABLE_MAIN &&
         rtnl_route_get_type(route) == RTN_UNICAST &&
         (destination == nullptr || nl_addr_get_prefixlen(destination) == 0);
}

void add_gateways(rtnl_route* route, std::vector<IpAddress>& gateways) {
  for (int i = 0; i < rtnl_route_get_nnexthops(route); ++i) {
    rtnl_nexthop* hop = rtnl_route_nexthop_n(route, i);
    add_once(gateways, to_address(rtnl_route_nh_get_gateway(hop)));
    add_once(gateways, to_address(rtnl_route_nh_get_via(hop)));  // an IPv6 gateway for IPv4
  }
}

Result<std::vector<IpAddress>> read_addresses() {
  std::vector<IpAddress> addresses;
  const Result<void> read = dump_table(RTM_GETADDR, AF_UNSPEC, [&](nl_object* object) {
    if (std::string_view(nl_object_get_type(object)) != "route/addr") return;
    if (addresses.size() > kMostAddresses) return;
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    add_once(addresses, to_address(rtnl_addr_get_local(address)));
  });
  if (!read) return read.error();
  if (addresses.size() > kMostAddresses) return Error{"too many addresses"};
  return addresses;
}

Result<std::vector<IpAddress>> read_default_gateways() {
  std::vector<IpAddress> gateways;
  for (const int family : {AF_INET, AF_INET6}) {
    const Result<void> read = dump_table(RTM_GETROUTE, family, [&](nl_object* object) {
      if (std::string_view(nl_object_get_type(object)) != "route/route") return;
      auto* route = reinterpret_cast<rtnl_route*>(object);
      if (gateways.size() <= kMostGateways && is_default_route(route))
        add_gateways(route, gateways);
    });
    if (!read) return read.error();
  }
  if (gateways.size() > kMostGateways) return Error{"too many default gateways"};
  return gateways;
}

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

// "32768\t60999\n".
std::optional<PortRange> parse_port_range(std::string_view text) {
  PortRange range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '\t') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, range.last);
  if (last.ec != std::errc() || std::string_view(last.ptr, end) != "\n") return std::nullopt;
  if (range.first > range.last) return std::nullopt;
  return range;
}

Result<PortRange> read_port_range(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error("opening " + path);
  std::array<char, 64> text{};
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return errno_error("reading " + path);
  const auto range = parse_port_range(std::string_view(text.data(), static_cast<size_t>(length)));
  if (!range) return Error{"reading " + path + ": not two ports"};
  return *range;
}

}  // namespace

class NetworkMonitor::Impl {
 public:
  explicit Impl(std::string proc_root)
      : port_range_path_(std::move(proc_root) + "/sys/net/ipv4/ip_local_port_range") {}

  Result<NetworkIdentity> current() {
    // Before the tables are read: what changes later is then seen at the next call.
    // Where the kernel gives no notifications, every call reads.
    const Result<bool> changed = changed_since_last();
    stale_ = stale_ || !changed || *changed;
    for (int tries = 1; stale_; ++tries) {
      const Result<void> read = read_tables();
      if (!read && tries == kReadTries) return read.error();
      stale_ = !read.ok();
    }
    // Nothing tells when a sysctl changes; reading it costs as little as asking.
    const Result<PortRange> range = read_port_range(port_range_path_);
    if (!range) return range.error();
    identity_.ephemeral_first = range->first;
    identity_.ephemeral_last = range->last;
    return identity_;
  }

 private:
  // An Error where the kernel does not give notifications, or did not this time.
  Result<bool> changed_since_last() {
    if (!changes_) {
      Result<NlSocket> subscribed = subscribe_to_changes();
      if (!subscribed) return subscribed.error();
      changes_ = std::move(*subscribed);
      return true;
    }
    Result<bool> changed = drain(changes_.get());
    if (!changed) changes_.reset();
    return changed;
  }

  Result<void> read_tables() {
    Result<std::vector<IpAddress>> addresses = read_addresses();
    if (!addresses) return addresses.error();
    Result<std::vector<IpAddress>> gateways = read_default_gateways();
    if (!gateways) return gateways.error();
    identity_.own_addresses = std::move(*addresses);
    identity_.default_gateways = std::move(*gateways);
    return {};
  }

  std::string port_range_path_;
  NlSocket changes_;
  NetworkIdentity identity_;
  bool stale_ = true;  // what identity_ holds may be out of date
};

NetworkMonitor::NetworkMonitor(std::string proc_root)
    : impl_(std::make_unique<Impl>(std::move(proc_root))) {}
NetworkMonitor::~NetworkMonitor() = default;
NetworkMonitor::NetworkMonitor(NetworkMonitor&&) noexcept = default;
NetworkMonitor& NetworkMonitor::operator=(NetworkMonitor&&) noexcept = default;
Result<NetworkIdentity> NetworkMonitor::current() { return impl_->current(); }

}  // namespace drainbow
