#include "tests/sockets/own_network.h"

#include <fcntl.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "sockets/errno_error.h"
#include "sockets/unique_fd.h"

namespace drainbow::testing {
namespace {

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
using Socket = std::unique_ptr<nl_sock, Free<nl_sock, nl_socket_free>>;
using Address = std::unique_ptr<rtnl_addr, Free<rtnl_addr, rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, Free<rtnl_route, rtnl_route_put>>;
using Link = std::unique_ptr<rtnl_link, Free<rtnl_link, rtnl_link_put>>;
using Bytes = std::unique_ptr<nl_addr, Free<nl_addr, nl_addr_put>>;

Socket route_socket() {
  Socket socket(nl_socket_alloc());
  nl_connect(socket.get(), NETLINK_ROUTE);
  return socket;
}

Bytes parse(const std::string& text) {
  nl_addr* address = nullptr;
  nl_addr_parse(text.c_str(), AF_UNSPEC, &address);
  return Bytes(address);
}

Result<void> checked(const std::string& doing, int failure) {
  if (failure < 0) return Error{doing + ": " + nl_geterror(failure)};
  return {};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) < 0) return errno_error(path);
  return {};
}

Result<void> enter_own_user_namespace() {
  const std::string uid = std::to_string(::getuid());
  if (::unshare(CLONE_NEWUSER) != 0) return errno_error("unshare(CLONE_NEWUSER)");
  return write_file("/proc/self/uid_map", "0 " + uid + " 1");
}

Result<void> bring_up(const std::string& interface) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return errno_error("bringing up");
  return {};
}

Address make_address(const std::string& interface, const std::string& cidr) {
  Address address(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(address.get(), static_cast<int>(::if_nametoindex(interface.c_str())));
  const Bytes local = parse(cidr);
  rtnl_addr_set_local(address.get(), local.get());
  rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  return address;
}

Route make_default_route(const IpAddress& gateway) {
  Route route(rtnl_route_alloc());
  const Bytes destination = parse(gateway.is_v4() ? "0.0.0.0/0" : "::/0");
  rtnl_route_set_dst(route.get(), destination.get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  const Bytes via = parse(gateway.to_string());
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_add_nexthop(route.get(), hop);
  return route;
}

}  // namespace

Result<void> enter_own_network() {
  static bool may_unshare = ::geteuid() == 0;
  if (!may_unshare) {
    const Result<void> entered = enter_own_user_namespace();
    if (!entered) return entered;
    may_unshare = true;
  }
  if (::unshare(CLONE_NEWNET) != 0) return errno_error("unshare(CLONE_NEWNET)");
  return bring_up("lo");
}

IpAddress ip(const std::string& text) {
  const Result<IpAddress> address = IpAddress::parse(text);
  if (!address) std::abort();
  return *address;
}

Result<void> add_interface(const std::string& name) {
  Result<void> added;
  for (const std::string type : {"dummy", "ifb", "bridge"}) {
    const Link link(rtnl_link_alloc());
    rtnl_link_set_name(link.get(), name.c_str());
    rtnl_link_set_type(link.get(), type.c_str());
    added = checked("adding an interface",
                    rtnl_link_add(route_socket().get(), link.get(), NLM_F_CREATE));
    if (added) return bring_up(name);
  }
  return added;
}

Result<void> add_address(const std::string& interface, const std::string& cidr) {
  const Address address = make_address(interface, cidr);
  return checked("adding " + cidr, rtnl_addr_add(route_socket().get(), address.get(), 0));
}

Result<void> delete_address(const std::string& interface, const std::string& cidr) {
  const Address address = make_address(interface, cidr);
  return checked("deleting " + cidr, rtnl_addr_delete(route_socket().get(), address.get(), 0));
}

Result<void> add_default_route(const IpAddress& gateway) {
  const Route route = make_default_route(gateway);
  return checked("adding a route", rtnl_route_add(route_socket().get(), route.get(), NLM_F_CREATE));
}

Result<void> delete_default_route(const IpAddress& gateway) {
  const Route route = make_default_route(gateway);
  return checked("deleting a route", rtnl_route_delete(route_socket().get(), route.get(), 0));
}

Result<void> blackhole(const IpAddress& address) {
  const Route route(rtnl_route_alloc());
  const Bytes destination = parse(address.to_string());
  rtnl_route_set_dst(route.get(), destination.get());
  rtnl_route_set_type(route.get(), RTN_BLACKHOLE);
  rtnl_route_set_table(route.get(), RT_TABLE_LOCAL);
  return checked("adding a blackhole",
                 rtnl_route_add(route_socket().get(), route.get(), NLM_F_CREATE | NLM_F_REPLACE));
}

std::uint64_t raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace drainbow::testing
