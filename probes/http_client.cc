#include "probes/http_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

namespace drainbow {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }

 private:
  int fd_;
};

Error system_error(int number) { return Error{std::strerror(number)}; }

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress to_socket_address(const Endpoint& agent) {
  SocketAddress result;
  const auto& bytes = agent.address.bytes();
  if (agent.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(agent.port);
    std::memcpy(&v4.sin_addr, bytes.data() + 12, 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(agent.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

// Waits until the socket is ready for the events.
Result<void> wait_for(const Socket& socket, short events, steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return Error{"no answer in time"};
    pollfd waiting{.fd = socket.fd(), .events = events, .revents = 0};
    const int ready =
        ::poll(&waiting, 1,
               static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max())));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return system_error(errno);
  }
}

// The errno of the connect: 0 when connected.
Result<int> connect(const Socket& socket, const Endpoint& agent,
                    steady_clock::time_point deadline) {
  const SocketAddress address = to_socket_address(agent);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) ==
      0) {
    return 0;
  }
  if (errno != EINPROGRESS) return errno;
  const Result<void> done = wait_for(socket, POLLOUT, deadline);
  if (!done) return done.error();
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

Result<void> send_all(const Socket& socket, std::string_view bytes,
                      steady_clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      const Result<void> ready = wait_for(socket, POLLOUT, deadline);
      if (!ready) return ready;
    } else if (errno != EINTR) {
      return system_error(errno);
    }
  }
  return {};
}

Result<std::string> receive_all(const Socket& socket, steady_clock::time_point deadline) {
  std::string bytes;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t received = ::recv(socket.fd(), chunk.data(), chunk.size(), 0);
    if (received == 0) return bytes;
    if (received > 0) {
      bytes.append(chunk.data(), static_cast<std::size_t>(received));
      if (bytes.size() > kMaxAnswerBytes) return Error{"the answer is larger than 1 MiB"};
      if (steady_clock::now() >= deadline) return Error{"no complete answer in time"};
    } else if (errno == EAGAIN) {
      const Result<void> ready = wait_for(socket, POLLIN, deadline);
      if (!ready) return bytes.empty() ? ready.error() : Error{"no complete answer in time"};
    } else if (errno != EINTR) {
      return system_error(errno);
    }
  }
}

}  // namespace

Result<Fetched> http_get(const Endpoint& agent, std::string_view target, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  const int family = agent.address.is_v4() ? AF_INET : AF_INET6;
  const Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return system_error(errno);

  const Result<int> connected = connect(socket, agent, deadline);
  if (!connected) return connected.error();
  if (*connected == ECONNREFUSED) return Fetched{.refused = true, .bytes = {}};
  if (*connected != 0) return system_error(*connected);

  const std::string request = "GET " + std::string(target) +
                              " HTTP/1.0\r\nHost: " + agent.to_string() +
                              "\r\nAccept: application/json\r\n\r\n";
  const Result<void> sent = send_all(socket, request, deadline);
  if (!sent) return sent.error();
  Result<std::string> received = receive_all(socket, deadline);
  if (!received) return received.error();
  return Fetched{.refused = false, .bytes = *std::move(received)};
}

}  // namespace drainbow
