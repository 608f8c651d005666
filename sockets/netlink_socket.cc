#include "sockets/netlink_socket.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "sockets/errno_error.h"

namespace drainbow {
namespace {

using Clock = std::chrono::steady_clock;

// Waits until `fd` is readable. False at the deadline.
Result<bool> wait_readable(int fd, Clock::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return errno_error("waiting for the kernel's answer");
  }
}

}  // namespace

ssize_t receive_from_kernel(int fd, std::span<std::byte> buffer) {
  while (true) {
    sockaddr_nl sender{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof(sender);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t length = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (length < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (message.msg_namelen != sizeof(sender) || sender.nl_pid != 0) continue;
    if ((message.msg_flags & MSG_TRUNC) != 0) return -EMSGSIZE;
    return length;
  }
}

void NetlinkSocket::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Result<NetlinkSocket> NetlinkSocket::open() {
  Handle handle(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!handle) return errno_error("opening a sock_diag socket");
  if (mnl_socket_bind(handle.get(), 0, MNL_SOCKET_AUTOPID) != 0) {
    return errno_error("binding a sock_diag socket");
  }
  return NetlinkSocket(std::move(handle));
}

Result<void> NetlinkSocket::send(std::span<const std::byte> message) {
  if (mnl_socket_sendto(handle_.get(), message.data(), message.size()) < 0) {
    return errno_error("asking the kernel");
  }
  return {};
}

Result<std::span<const std::byte>> NetlinkSocket::receive(std::span<std::byte> buffer,
                                                          Clock::time_point deadline) {
  const int fd = mnl_socket_get_fd(handle_.get());
  while (true) {
    // Looked at in every turn: a dump that always has a next datagram must end, too.
    if (Clock::now() >= deadline) return Error{"the kernel's answer took too long"};
    const ssize_t length = receive_from_kernel(fd, buffer);
    if (length >= 0)
      return std::span<const std::byte>(buffer.first(static_cast<std::size_t>(length)));
    if (length != -EAGAIN) {
      return errno_error("receiving the kernel's answer", static_cast<int>(-length));
    }
    const Result<bool> readable = wait_readable(fd, deadline);
    if (!readable) return readable.error();
  }
}

}  // namespace drainbow
