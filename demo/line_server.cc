#include "demo/line_server.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "http/asio_address.h"

namespace drainbow::demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Errors come back as values: co_await gives a tuple that begins with the error_code.
constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);

// Accepting fails for want of a resource, such as file descriptors: the next session's end may
// bring it back, while trying without a pause would turn in a circle.
constexpr std::chrono::milliseconds kAcceptPause(100);

error_code set_option(tcp::acceptor& acceptor, int level, int name, int value) {
  if (::setsockopt(acceptor.native_handle(), level, name, &value, sizeof value) == 0) return {};
  return {errno, boost::system::system_category()};
}

// Set on the listening socket: on Linux accepted ones inherit all of these.
error_code set_options(tcp::acceptor& acceptor, const LineLimits& limits) {
  const auto stall_ms = static_cast<int>(limits.stall_time.count());
  const int keepalive_s = std::max(1, stall_ms / 2000);
  struct {
    int level, name, value;
  } const options[] = {
      {SOL_SOCKET, SO_REUSEADDR, 1},
      {SOL_SOCKET, SO_SNDBUF, limits.send_buffer_bytes},
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s},
      {IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, keepalive_s / 3)},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, stall_ms},  // overrides the number of keepalive probes
  };
  for (const auto& option : options) {
    const error_code error = set_option(acceptor, option.level, option.name, option.value);
    if (error) return error;
  }
  return {};
}

error_code open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, const LineLimits& limits) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) error = set_options(acceptor, limits);
  if (!error && endpoint.address().is_v6() && endpoint.address().is_unspecified()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

Endpoint local_address(const tcp::acceptor& acceptor) {
  const tcp::endpoint endpoint = acceptor.local_endpoint();
  return {.address = http::to_ip_address(endpoint.address()), .port = endpoint.port()};
}

bool no_ipv6(const error_code& error) {
  return error == asio::error::address_family_not_supported ||
         error == error_code(EADDRNOTAVAIL, boost::system::system_category());
}

}  // namespace

struct LineServer::Session {
  explicit Session(tcp::socket accepted)
      : socket(std::move(accepted)),
        next_line(socket.get_executor()),
        next_read(socket.get_executor()),
        stalled(socket.get_executor()) {}

  tcp::socket socket;
  asio::steady_timer next_line;
  asio::steady_timer next_read;  // after too much input
  asio::steady_timer stalled;    // runs while a line is being written
  bool input_ended = false;      // the client's FIN has come
  bool output_ended = false;     // our FIN has gone
};

Result<std::unique_ptr<LineServer>> LineServer::listen(asio::any_io_executor executor,
                                                       const Endpoint& address, std::string line,
                                                       LineLimits limits,
                                                       AcceptErrorHandler on_accept_error) {
  tcp::acceptor acceptor(executor);
  error_code error = open(acceptor, {http::to_asio(address.address), address.port}, limits);
  if (error && no_ipv6(error) && address.address == IpAddress()) {
    error = open(acceptor, {tcp::v4(), address.port}, limits);
  }
  if (error) return Error{error.message()}.wrap("listening on " + address.to_string());
  return std::unique_ptr<LineServer>(
      new LineServer(std::move(acceptor), std::move(line), limits, std::move(on_accept_error)));
}

LineServer::LineServer(Tcp::acceptor acceptor, std::string line, LineLimits limits,
                       AcceptErrorHandler on_accept_error)
    : acceptor_(std::move(acceptor)),
      bound_to_(local_address(acceptor_)),
      line_(std::move(line)),
      limits_(limits),
      on_accept_error_(std::move(on_accept_error)),
      accept_again_(acceptor_.get_executor()),
      all_closed_(acceptor_.get_executor()) {}

void LineServer::start() {
  asio::co_spawn(acceptor_.get_executor(), accept_clients(), asio::detached);
}

asio::awaitable<void> LineServer::stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  accept_again_.cancel();
  for (const SessionPointer& session : sessions_) {
    session->next_line.cancel();
    session->next_read.cancel();
  }
  if (!sessions_.empty()) {
    all_closed_.expires_after(limits_.stop_time);
    co_await all_closed_.async_wait(kAsValue);
  }
  while (!sessions_.empty()) {
    const SessionPointer session = *sessions_.begin();  // not a reference to what close() erases
    close(session);
  }
}

asio::awaitable<void> LineServer::accept_clients() {
  bool failing = false;
  while (!stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(kAsValue);
    if (stopping_) co_return;
    if (!error) {
      failing = false;
      admit(std::move(socket));
    } else {
      ++counts_.accept_errors_total;
      if (!failing) on_accept_error_(error.message());
      failing = true;
      accept_again_.expires_after(kAcceptPause);
      co_await accept_again_.async_wait(kAsValue);
    }
  }
}

void LineServer::admit(Tcp::socket socket) {
  if (sessions_.size() >= limits_.sessions) {
    ++counts_.refused_total;
    return;
  }
  ++counts_.sessions_total;
  error_code ignored;
  socket.non_blocking(true, ignored);  // drop_input must never wait in a read
  const auto session = std::make_shared<Session>(std::move(socket));
  sessions_.insert(session);
  asio::co_spawn(acceptor_.get_executor(), drop_input(session), asio::detached);
  asio::co_spawn(acceptor_.get_executor(), write_lines(session), asio::detached);
}

asio::awaitable<void> LineServer::write_lines(SessionPointer session) {
  while (!stopping_) {
    const bool written = co_await write_line(session);
    if (!written) co_return close(session);
    if (stopping_) break;
    session->next_line.expires_after(limits_.interval);
    co_await session->next_line.async_wait(kAsValue);  // ends early: stop, close, the client's FIN
    if (!session->socket.is_open()) co_return;
  }
  session->output_ended = true;
  error_code ignored;
  session->socket.shutdown(tcp::socket::shutdown_send, ignored);
  if (session->input_ended) close(session);
}

// False when the client has gone, or did not read for too long.
asio::awaitable<bool> LineServer::write_line(SessionPointer session) {
  session->stalled.expires_after(limits_.stall_time);
  session->stalled.async_wait([this, session](const error_code& cancelled) {
    if (!cancelled) close(session);
  });
  const auto [error, written] =
      co_await asio::async_write(session->socket, asio::buffer(line_), kAsValue);
  session->stalled.cancel();
  if (error) co_return false;
  ++counts_.lines_sent_total;
  co_return true;
}

asio::awaitable<void> LineServer::drop_input(SessionPointer session) {
  std::size_t dropped_bytes = 0;
  error_code error;
  while (!error) {
    std::tie(error) = co_await session->socket.async_wait(tcp::socket::wait_read, kAsValue);
    if (error) break;
    dropped_bytes += session->socket.read_some(asio::buffer(dropped_), error);
    if (error == asio::error::would_block) error.clear();
    if (dropped_bytes < limits_.input_bytes || stopping_) continue;
    dropped_bytes = 0;
    session->next_read.expires_after(limits_.interval);
    co_await session->next_read.async_wait(kAsValue);
  }
  if (error != asio::error::eof || session->output_ended) co_return close(session);
  session->input_ended = true;
  session->next_line.cancel();
  // Ends with the RST that answers the line, or when the writer closes the session.
  co_await session->socket.async_wait(tcp::socket::wait_error, kAsValue);
  close(session);
}

void LineServer::close(const SessionPointer& session) {
  if (sessions_.erase(session) == 0) return;
  error_code ignored;
  session->socket.close(ignored);
  session->next_line.cancel();
  session->next_read.cancel();
  session->stalled.cancel();
  if (stopping_ && sessions_.empty()) all_closed_.cancel();
}

}  // namespace drainbow::demo
