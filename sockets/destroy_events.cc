#include "sockets/destroy_events.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>

#include "sockets/errno_error.h"
#include "sockets/inet_diag.h"
#include "sockets/netlink_socket.h"

namespace drainbow {
namespace {

// As much as is allowed: the kernel cuts it to net.core.rmem_max (mostly 208 KiB, 4 MiB on some
// nodes) and doubles that for its own overhead (sk_setsockopt in net/core/sock.c).
constexpr int kReceiveBuffer = 8 * 1024 * 1024;
constexpr int kMostDatagrams = 20'000;

}  // namespace

DestroyEvents::DestroyEvents(UniqueFd fd) : fd_(std::move(fd)) {}

Result<DestroyEvents> DestroyEvents::subscribe() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!fd) return errno_error("opening a sock_diag socket");
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return errno_error("binding a sock_diag socket");
  }
  for (const int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY}) {
    if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
      return errno_error("subscribing to destroyed sockets");
    }
  }
  return DestroyEvents(std::move(fd));
}

Result<DestroyEvents::Batch> DestroyEvents::read() {
  Batch batch;
  std::array<std::byte, 8192> buffer{};  // an event has about 380 bytes
  for (int datagrams = 0; datagrams < kMostDatagrams; ++datagrams) {
    const ssize_t length = receive_from_kernel(fd_.get(), buffer);
    if (length == -EAGAIN) return batch;
    if (length == -ENOBUFS || length == -EMSGSIZE) {
      batch.lost_some = true;
      continue;
    }
    if (length < 0) return errno_error("reading destroyed sockets", static_cast<int>(-length));
    const auto datagram = std::span(buffer).first(static_cast<std::size_t>(length));
    if (!inet_diag::decode_destroyed(datagram, batch.destroyed)) batch.lost_some = true;
  }
  batch.more = true;
  return batch;
}

int DestroyEvents::fd() const { return fd_.get(); }

}  // namespace drainbow
