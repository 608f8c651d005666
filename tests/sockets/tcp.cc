#include "tests/sockets/tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace drainbow::testing {
namespace {

int checked(const char* doing, int result) {
  if (result < 0) {
    std::perror(doing);
    std::abort();
  }
  return result;
}

// Every test socket's address in one of two shapes.
struct SocketAddress {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  bool is_v6 = false;

  const sockaddr* get() const {
    return is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  }
  socklen_t length() const { return is_v6 ? sizeof(v6) : sizeof(v4); }
};

SocketAddress to_socket_address(const Endpoint& end, bool is_v6) {
  SocketAddress result;
  result.is_v6 = is_v6;
  result.v6.sin6_family = AF_INET6;
  result.v6.sin6_port = htons(end.port);
  std::ranges::copy(end.address.bytes(), result.v6.sin6_addr.s6_addr);
  result.v4.sin_family = AF_INET;
  result.v4.sin_port = htons(end.port);
  std::copy_n(end.address.bytes().begin() + 12, 4,
              reinterpret_cast<std::uint8_t*>(&result.v4.sin_addr));
  return result;
}

Endpoint to_endpoint(const sockaddr_in6& address) {
  if (address.sin6_family == AF_INET6) {
    return {IpAddress::v6(address.sin6_addr.s6_addr), ntohs(address.sin6_port)};
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&v4->sin_addr);
  return {IpAddress::v4(std::span<const std::uint8_t, 4>(bytes, 4)), ntohs(v4->sin_port)};
}

void set_option(const UniqueFd& socket, int level, int name, int value) {
  checked("setsockopt", ::setsockopt(socket.get(), level, name, &value, sizeof(value)));
}

}  // namespace

UniqueFd listen_on(const IpAddress& address, ListenOptions options) {
  const bool is_v6 = options.stack != Stack::kV4;
  UniqueFd socket(checked("socket", ::socket(is_v6 ? AF_INET6 : AF_INET,
                                             SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (is_v6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, options.stack == Stack::kV6 ? 1 : 0);
  if (options.defer_accept) set_option(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60);
  const SocketAddress where = to_socket_address({address, options.port}, is_v6);
  checked("bind", ::bind(socket.get(), where.get(), where.length()));
  checked("listen", ::listen(socket.get(), options.backlog));
  return socket;
}

UniqueFd connect_to(const Endpoint& server, const IpAddress& from) {
  const bool is_v6 = !server.address.is_v4();
  UniqueFd socket(
      checked("socket", ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  if (!from.is_unspecified()) {
    const SocketAddress source = to_socket_address({from, 0}, is_v6);
    checked("bind", ::bind(socket.get(), source.get(), source.length()));
  }
  const SocketAddress where = to_socket_address(server, is_v6);
  checked("connect", ::connect(socket.get(), where.get(), where.length()));
  return socket;
}

UniqueFd accept_on(const UniqueFd& listener) {
  int accepted = -1;
  eventually([&] {
    accepted = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    return accepted >= 0;
  });
  return UniqueFd(checked("accept", accepted));
}

Endpoint local_end(const UniqueFd& socket) {
  sockaddr_in6 address{};
  socklen_t length = sizeof(address);
  checked("getsockname",
          ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length));
  return to_endpoint(address);
}

Endpoint peer_end(const UniqueFd& socket) {
  sockaddr_in6 address{};
  socklen_t length = sizeof(address);
  checked("getpeername",
          ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &length));
  return to_endpoint(address);
}

std::uint64_t cookie_of(const UniqueFd& socket) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  checked("SO_COOKIE", ::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length));
  return cookie;
}

void send_bytes(const UniqueFd& socket, const std::string& bytes) {
  const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size())) checked("send", -1);
}

void fill(const UniqueFd& socket) {
  const std::string bytes(4096, 'x');
  while (::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
  }
}

void shut_down_sending(const UniqueFd& socket) {
  checked("shutdown", ::shutdown(socket.get(), SHUT_WR));
}

void reset_on_close(const UniqueFd& socket) {
  const linger option{.l_onoff = 1, .l_linger = 0};
  checked("SO_LINGER", ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &option, sizeof(option)));
}

UniqueFd udp_bound_to(const IpAddress& address) {
  const bool is_v6 = !address.is_v4();
  UniqueFd socket(
      checked("socket", ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  const SocketAddress where = to_socket_address({address, 0}, is_v6);
  checked("bind", ::bind(socket.get(), where.get(), where.length()));
  return socket;
}

void connect_udp(const UniqueFd& socket, const Endpoint& peer) {
  const SocketAddress where = to_socket_address(peer, !peer.address.is_v4());
  checked("connect", ::connect(socket.get(), where.get(), where.length()));
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::sched_yield();
  }
  return true;
}

}  // namespace drainbow::testing
