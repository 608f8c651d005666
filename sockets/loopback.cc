#include "sockets/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>

#include "sockets/errno_error.h"

namespace drainbow {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress loopback_v4(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SocketAddress result;
  std::copy_n(reinterpret_cast<const char*>(&address), sizeof(address),
              reinterpret_cast<char*>(&result.storage));
  result.length = sizeof(address);
  return result;
}

SocketAddress loopback_v4_mapped() {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr.s6_addr[10] = 0xff;
  address.sin6_addr.s6_addr[11] = 0xff;
  address.sin6_addr.s6_addr[12] = 127;
  address.sin6_addr.s6_addr[15] = 1;
  SocketAddress result;
  std::copy_n(reinterpret_cast<const char*>(&address), sizeof(address),
              reinterpret_cast<char*>(&result.storage));
  result.length = sizeof(address);
  return result;
}

Result<std::uint16_t> local_port(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (::getsockname(fd, address.get(), &address.length) != 0) return errno_error("getsockname");
  // sin_port and sin6_port are at the same place (RFC 3493, 3.3).
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

Result<LoopbackListener> listen_at(int family, SocketAddress address) {
  LoopbackListener listener;
  listener.fd = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd) return errno_error("opening a socket on loopback");
  if (family == AF_INET6) {
    const int off = 0;
    ::setsockopt(listener.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (::bind(listener.fd.get(), address.get(), address.length) != 0 ||
      ::listen(listener.fd.get(), 1) != 0) {
    return errno_error("listening on loopback");
  }
  // Where the kernel cannot tell the cookie (gVisor) it stays 0, which no row has.
  socklen_t length = sizeof(listener.cookie);
  ::getsockopt(listener.fd.get(), SOL_SOCKET, SO_COOKIE, &listener.cookie, &length);
  const Result<std::uint16_t> port = local_port(listener.fd.get());
  if (!port) return port.error();
  listener.port = *port;
  return listener;
}

}  // namespace

Result<LoopbackListener> listen_on_loopback_v4() { return listen_at(AF_INET, loopback_v4(0)); }

Result<std::vector<LoopbackListener>> listen_on_loopback() {
  std::vector<LoopbackListener> listeners;
  Result<LoopbackListener> v4 = listen_on_loopback_v4();
  if (!v4) return v4.error();
  listeners.push_back(std::move(*v4));

  const UniqueFd has_v6(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!has_v6 && errno == EAFNOSUPPORT) return listeners;
  Result<LoopbackListener> mapped = listen_at(AF_INET6, loopback_v4_mapped());
  if (!mapped) return mapped.error();
  listeners.push_back(std::move(*mapped));
  return listeners;
}

Result<UnacceptedConnection> UnacceptedConnection::make() {
  Result<LoopbackListener> listener = listen_on_loopback_v4();
  if (!listener) return listener.error();
  UnacceptedConnection connection;
  connection.listener = std::move(*listener);
  // Blocking: on loopback the handshake is done when connect() returns, without anybody's accept().
  connection.client = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connection.client) return errno_error("opening a client on loopback");
  const timeval limit{.tv_sec = 0, .tv_usec = 500'000};
  ::setsockopt(connection.client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  SocketAddress address = loopback_v4(connection.listener.port);
  if (::connect(connection.client.get(), address.get(), address.length) != 0 ||
      ::send(connection.client.get(), "x", 1, MSG_NOSIGNAL) != 1) {
    return errno_error("connecting on loopback");
  }
  const Result<std::uint16_t> port = local_port(connection.client.get());
  if (!port) return port.error();
  connection.client_port = *port;
  return connection;
}

}  // namespace drainbow
