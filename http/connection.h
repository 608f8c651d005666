// One client of the server: its requests are read one after the other, answered in that order, and
// each step has its limit. Private to this folder: it includes Boost.Beast.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "drain/address.h"
#include "http/server.h"

namespace drainbow::http {

class Connection {
 public:
  // In the order in which connections are given up when all places are taken. kAnswering, an answer
  // under way such as a hook or a long poll, is never given up.
  enum class Phase { kReading, kWriting, kAnswering };

  // `handler` and `limits` must outlive the connection.
  Connection(boost::asio::ip::tcp::socket socket, const Handler& handler, const Limits& limits);

  // Serves the client until one side ends the connection. *this must live until it is done.
  boost::asio::awaitable<void> serve();

  // Ends serve() soon; an answer under way is cancelled.
  void close();

  Phase phase() const { return phase_; }

  // The least is given up first.
  auto rank() const { return std::pair(phase_, since_); }

 private:
  boost::asio::awaitable<bool> answer_requests();
  boost::asio::awaitable<boost::system::error_code> read_header(bool first);
  boost::asio::awaitable<std::optional<Response>> answer();
  boost::asio::awaitable<void> client_gone();
  boost::asio::awaitable<bool> write(Response response, bool head_only, bool keep_alive);
  boost::asio::awaitable<void> linger();

  Reply dispatch() const;
  void enter(Phase phase);

  boost::beast::tcp_stream stream_;
  const Handler& handler_;
  const Limits& limits_;
  boost::beast::flat_buffer buffer_;  // bytes that were received and not yet parsed
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
  IpAddress peer_;
  Phase phase_ = Phase::kReading;
  std::chrono::steady_clock::time_point since_;  // when it entered that phase
};

}  // namespace drainbow::http
