#include "http/server.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <set>
#include <utility>

#include "http/asio_address.h"
#include "http/connection.h"

namespace drainbow::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

// Pause after a failed accept, such as EMFILE: the condition does not end at once.
constexpr std::chrono::milliseconds kAcceptPause{100};

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(asio::any_io_executor executor, Handler handler, Limits limits)
      : acceptor_(executor),
        accept_pause_(executor),
        handler_(std::move(handler)),
        limits_(limits) {}

  error_code bind(const Endpoint& address) {
    const tcp::endpoint endpoint(to_asio(address.address), address.port);
    error_code error;
    acceptor_.close(error);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.protocol() == tcp::v6()) {
      acceptor_.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) bound_to_ = acceptor_.local_endpoint(error);
    return error;
  }

  void start() {
    asio::co_spawn(acceptor_.get_executor(), accept_loop(shared_from_this()), asio::detached);
  }

  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    for (const auto& connection : connections_) connection->close();
  }

  Endpoint bound_to() const {
    return {.address = to_ip_address(bound_to_.address()), .port = bound_to_.port()};
  }

  std::size_t clients() const { return connections_.size(); }

 private:
  // Coroutines take the owner by value, so that it lives as long as they do.
  static awaitable<void> accept_loop(std::shared_ptr<Impl> self) {
    while (self->acceptor_.is_open()) {
      error_code error;
      tcp::socket socket = co_await self->acceptor_.async_accept(into(error));
      if (error == asio::error::operation_aborted || !self->acceptor_.is_open()) co_return;
      const bool admitted = !error && self->try_to_admit(std::move(socket));
      if (!admitted) {
        self->accept_pause_.expires_after(kAcceptPause);
        co_await self->accept_pause_.async_wait(into(error));
      }
    }
  }

  // False when memory is out: it costs this client its connection, not the loop its life.
  bool try_to_admit(tcp::socket socket) {
    try {
      admit(std::move(socket));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  void admit(tcp::socket socket) {
    if (connections_.size() >= limits_.clients && !make_room()) return;  // which closes the new one
    auto connection = std::make_shared<Connection>(std::move(socket), handler_, limits_);
    connections_.insert(connection);
    asio::co_spawn(acceptor_.get_executor(), serve(shared_from_this(), std::move(connection)),
                   asio::detached);
  }

  // Closes who waited longest without a complete request, else who has been slowest to take its
  // answer. False when all are answers under way (hooks, long polls), which are never given up.
  bool make_room() {
    const auto least = std::ranges::min_element(
        connections_, {}, [](const auto& connection) { return connection->rank(); });
    if (least == connections_.end()) return false;
    if ((*least)->phase() == Connection::Phase::kAnswering) return false;
    (*least)->close();
    connections_.erase(least);
    return true;
  }

  static awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Connection> connection) {
    try {
      co_await connection->serve();
    } catch (const std::exception&) {  // out of memory: it costs this client its connection
      connection->close();
    }
    self->connections_.erase(connection);
  }

  tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  Handler handler_;
  Limits limits_;
  tcp::endpoint bound_to_;
  std::set<std::shared_ptr<Connection>> connections_;
};

Result<Server> Server::listen(asio::any_io_executor executor, const Endpoint& address,
                              Handler handler, Limits limits) {
  auto impl = std::make_shared<Impl>(std::move(executor), std::move(handler), limits);
  error_code error = impl->bind(address);
  const bool no_ipv6 = error == asio::error::address_family_not_supported ||
                       error == asio::error::no_protocol_option ||
                       error == error_code(EADDRNOTAVAIL, boost::system::system_category());
  if (no_ipv6 && !address.address.is_v4() && address.address.is_unspecified()) {
    const std::array<std::uint8_t, 4> any_v4{};
    error = impl->bind({.address = IpAddress::v4(any_v4), .port = address.port});
  }
  if (error) return Error{error.message()}.wrap("listening on " + address.to_string());
  impl->start();
  return Server(std::move(impl));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;

Server& Server::operator=(Server&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->stop();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Server::~Server() {
  if (impl_) impl_->stop();
}

Endpoint Server::bound_to() const { return impl_->bound_to(); }
std::size_t Server::clients() const { return impl_->clients(); }
void Server::stop() { impl_->stop(); }

}  // namespace drainbow::http
