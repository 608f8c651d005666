#include "http/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <string>

#include "http/asio_address.h"
#include "http/request_target.h"

namespace drainbow::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using asio::ip::tcp;
using beast::http::field;
using beast::http::verb;
using boost::system::error_code;

// How long, and for how many bytes, a connection that is to end is still read, so that the answer
// is not lost to a reset (RFC 9112, 9.6).
constexpr std::chrono::seconds kLingerTime{1};
constexpr std::size_t kLingerBytes = 64 * 1024;
constexpr std::size_t kReadSize = 512;
constexpr unsigned kHttp11 = 11;  // Beast's way of writing HTTP/1.1

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.body = std::move(text);
  response.body += '\n';
  return response;
}

Response internal_error() { return plain(500, "internal error"); }

// What to say to a header that could not be read; nothing if its client went away or was too slow.
std::optional<Response> refusal(error_code failure) {
  using beast::http::error;
  if (failure.category() != beast::http::make_error_code(error::bad_method).category()) return {};
  if (failure == error::end_of_stream || failure == error::partial_message) return {};
  if (failure == error::header_limit || failure == error::buffer_overflow) {
    return plain(431, "the request's header is too large");
  }
  return plain(400, "malformed request: " + failure.message());
}

// An exception of a handler is a bug of ours: it costs its client the answer, not the process.
awaitable<Response> guarded(awaitable<Response> answer) {
  try {
    co_return co_await std::move(answer);
  } catch (const std::exception&) {
    co_return internal_error();
  }
}

}  // namespace

Connection::Connection(tcp::socket socket, const Handler& handler, const Limits& limits)
    : stream_(std::move(socket)),
      handler_(handler),
      limits_(limits),
      buffer_(2 * limits.request_bytes),
      since_(std::chrono::steady_clock::now()) {}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = std::chrono::steady_clock::now();
}

void Connection::close() {
  error_code ignored;
  stream_.socket().close(ignored);
}

awaitable<void> Connection::serve() {
  error_code error;
  const tcp::endpoint peer = stream_.socket().remote_endpoint(error);
  if (error) co_return;  // it has gone already
  peer_ = to_ip_address(peer.address());
  stream_.socket().set_option(tcp::no_delay(true), error);
  const bool ended_by_answer = co_await answer_requests();
  if (ended_by_answer) co_await linger();
  close();
}

// True when this side ends the connection after an answer, false when it broke or went away.
awaitable<bool> Connection::answer_requests() {
  for (bool first = true;; first = false) {
    enter(Phase::kReading);
    const error_code error = co_await read_header(first);
    const bool closed_meanwhile = !stream_.socket().is_open();  // by close(), as it was read
    if (closed_meanwhile) co_return false;
    if (error) {
      std::optional<Response> refused = refusal(error);
      if (!refused) co_return false;
      co_return co_await write(std::move(*refused), /*head_only=*/false, /*keep_alive=*/false);
    }

    enter(Phase::kAnswering);
    std::optional<Response> response = co_await answer();
    if (!response) co_return false;

    enter(Phase::kWriting);
    // After a body, which is never read, the next request could not be found.
    const bool keep_alive = parser_->keep_alive() && parser_->get().version() == kHttp11 &&
                            parser_->is_done() && response->status != 500;
    const bool head_only = parser_->get().method() == verb::head;
    const bool written = co_await write(std::move(*response), head_only, keep_alive);
    if (!written || !keep_alive) co_return written;
  }
}

// Reads one header into parser_. Its time runs from its first byte on, or from the accept.
awaitable<error_code> Connection::read_header(bool first) {
  error_code error;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.request_bytes));
  parser_->body_limit(boost::none);
  if (buffer_.size() == 0 && !first) {
    buffer_.shrink_to_fit();  // an idle connection holds no memory for what may come
    stream_.expires_after(limits_.idle_time);
    const auto room = buffer_.prepare(std::min(kReadSize, limits_.request_bytes));
    buffer_.commit(co_await stream_.async_read_some(room, into(error)));
    if (error) co_return error;
  }
  stream_.expires_after(limits_.request_time);
  co_await beast::http::async_read_header(stream_, buffer_, *parser_, into(error));
  co_return error;
}

// The answer, or nothing when the client went away first.
awaitable<std::optional<Response>> Connection::answer() {
  using asio::experimental::awaitable_operators::operator||;
  Reply reply = dispatch();
  if (auto* ready = std::get_if<Response>(&reply)) co_return std::move(*ready);
  stream_.expires_never();
  auto first = co_await (guarded(std::get<1>(std::move(reply))) || client_gone());
  if (auto* response = std::get_if<0>(&first)) co_return std::move(*response);
  co_return std::nullopt;
}

Reply Connection::dispatch() const {
  const auto& message = parser_->get();
  if (message.version() == kHttp11 && message.count(field::host) != 1) {
    return plain(400, "a request has exactly one Host header");  // RFC 9112, 3.2
  }
  if (message.method() != verb::get && message.method() != verb::head) {
    Response refused = plain(405, "only GET and HEAD are answered here");
    refused.headers["Allow"] = "GET, HEAD";
    return refused;
  }
  if (!parser_->is_done()) return plain(413, "a request body is not accepted");
  Result<RequestTarget> target = parse_target({message.target().data(), message.target().size()});
  if (!target) return plain(400, target.error().message);
  try {
    return handler_({.method = std::string(message.method_string()),
                     .path = std::move(target->path),
                     .query = std::move(target->query),
                     .accept = std::string(message[field::accept]),
                     .peer = peer_});
  } catch (const std::exception&) {
    return internal_error();
  }
}

// Returns when the client has gone, has closed its sending side, or has sent so much ahead of its
// answer that a close could no longer be seen. Requests that it pipelines stay in buffer_.
awaitable<void> Connection::client_gone() {
  error_code error;
  while (!error && buffer_.size() < buffer_.max_size()) {
    const auto room = buffer_.prepare(std::min(kReadSize, buffer_.max_size() - buffer_.size()));
    buffer_.commit(co_await stream_.socket().async_read_some(room, into(error)));
  }
}

// True when the whole answer is on its way.
awaitable<bool> Connection::write(Response response, bool head_only, bool keep_alive) {
  beast::http::response<beast::http::string_body> message;
  message.version(kHttp11);
  message.result(static_cast<unsigned>(response.status));
  message.set(field::content_type, response.content_type);
  message.set(field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.content_length(response.body.size());
  if (!head_only) message.body() = std::move(response.body);

  stream_.expires_after(limits_.write_time);
  error_code error;
  co_await beast::http::async_write(stream_, message, into(error));
  co_return !error;
}

// Half-closes, then reads what still comes, within bounds.
awaitable<void> Connection::linger() {
  error_code error;
  stream_.socket().shutdown(tcp::socket::shutdown_send, error);
  stream_.expires_after(kLingerTime);
  std::array<char, 1024> discarded{};
  for (std::size_t total = 0; !error && total < kLingerBytes;) {
    total += co_await stream_.async_read_some(asio::buffer(discarded), into(error));
  }
}

}  // namespace drainbow::http
