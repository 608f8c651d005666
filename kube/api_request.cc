#include "kube/api_request.h"

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <charconv>
#include <utility>

namespace drainbow::kube {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

auto into(boost::system::error_code& failure) {
  return asio::redirect_error(asio::use_awaitable, failure);
}

constexpr std::uint32_t kMostHeaderBytes = 16 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;  // as much as one TLS record holds

// RFC 7235: visible characters; anything else could forge a header.
bool is_token(std::string_view text) {
  return !text.empty() && text.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789-._~+/=") == std::string_view::npos;
}

Result<std::string> read_token(const ApiServer& server) {
  Result<std::string> token = server.token();
  if (!token) return token;
  token->resize(token->find_last_not_of(" \r\n") + 1);
  if (!is_token(*token)) return Error{"the service account's token is empty or not a token"};
  return token;
}

Result<ssl::context> tls_context(const ApiServer& server) {
  const Result<std::string> authority = server.authority();
  if (!authority) return authority.error();
  ssl::context context(ssl::context::tls_client);
  boost::system::error_code failure;
  context.add_certificate_authority(asio::buffer(*authority), failure);
  if (failure) return Error{"the cluster's CA is no certificate in PEM: " + failure.message()};
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(ssl::verify_peer);
  context.set_verify_callback(ssl::host_name_verification(server.host));
  return context;
}

std::string authority_of(const ApiServer& server) {
  const bool v6 = server.host.find(':') != std::string::npos;
  return (v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

std::string meaning(const boost::system::error_code& failure) {
  if (failure == beast::error::timeout) return "no answer in time";
  if (failure == asio::error::operation_aborted) return "given up";
  if (failure == asio::error::eof || failure == ssl::error::stream_truncated ||
      failure == http::error::partial_message || failure == http::error::end_of_stream) {
    return "the connection was closed";
  }
  return failure.message();
}

Millis retry_after(std::string_view text) {
  unsigned seconds = 0;
  // The other form, a date, is not what the API server sends.
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failure != std::errc() || end != text.data() + text.size()) return Millis(0);
  return Millis(1000LL * std::min(seconds, 3600U));
}

http::request<http::empty_body> get_request(const ApiServer& server, const std::string& token,
                                            const std::string& target) {
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, authority_of(server));
  request.set(http::field::user_agent, "drainbow");
  request.set(http::field::accept, "application/json");
  request.set(http::field::authorization, "Bearer " + token);
  return request;
}

}  // namespace

struct ApiRequest::State {
  State(asio::any_io_executor executor, const ApiServer& api)
      : server(api), resolver(executor), executor(std::move(executor)) {}

  asio::awaitable<Result<void>> connect(Millis limit);

  beast::tcp_stream& tcp() { return beast::get_lowest_layer(*stream); }

  const ApiServer& server;
  tcp::resolver resolver;
  asio::any_io_executor executor;
  std::optional<ssl::context> context;
  std::optional<TlsStream> stream;
  beast::flat_buffer buffer{kMostHeaderBytes + kReadBytes};
  http::response_parser<http::buffer_body> parser;
  std::array<char, kReadBytes> body{};
  bool cancelled = false;
};

ApiRequest::ApiRequest(asio::any_io_executor executor, const ApiServer& server)
    : state_(std::make_unique<State>(std::move(executor), server)) {}

ApiRequest::~ApiRequest() = default;

void ApiRequest::cancel() {
  state_->cancelled = true;
  state_->resolver.cancel();
  if (state_->stream) state_->tcp().cancel();
}

asio::awaitable<Result<void>> ApiRequest::State::connect(Millis limit) {
  boost::system::error_code failure;
  // Numeric in a pod, so that nothing is looked up; some providers set a name.
  const auto endpoints =
      co_await resolver.async_resolve(server.host, std::to_string(server.port), into(failure));
  if (failure) co_return Error{"looking up " + server.host + ": " + meaning(failure)};

  Result<ssl::context> made = tls_context(server);
  if (!made) co_return made.error();
  context.emplace(std::move(*made));
  stream.emplace(executor, *context);
  if (cancelled) co_return Error{"given up"};
  tcp().expires_after(limit);
  co_await tcp().async_connect(endpoints, into(failure));
  if (failure) co_return Error{"connecting to " + authority_of(server) + ": " + meaning(failure)};

  // SNI is for names only (RFC 6066, 3).
  boost::system::error_code not_an_address;
  asio::ip::make_address(server.host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(stream->native_handle(), server.host.c_str());
  co_await stream->async_handshake(ssl::stream_base::client, into(failure));
  if (failure) co_return Error{"TLS with " + authority_of(server) + ": " + meaning(failure)};
  co_return Result<void>();
}

asio::awaitable<Result<AnswerHead>> ApiRequest::send(std::string target, Millis limit) {
  const Result<std::string> token = read_token(state_->server);
  if (!token) co_return token.error();
  const Result<void> connected = co_await state_->connect(limit);
  if (!connected) co_return connected.error();

  boost::system::error_code failure;
  const http::request<http::empty_body> request = get_request(state_->server, *token, target);
  co_await http::async_write(*state_->stream, request, into(failure));
  if (failure) co_return Error{"sending the request: " + meaning(failure)};
  state_->parser.header_limit(kMostHeaderBytes);
  state_->parser.body_limit(boost::none);  // the decoders have theirs, and a watch has no end
  co_await http::async_read_header(*state_->stream, state_->buffer, state_->parser, into(failure));
  if (failure) co_return Error{"reading the answer: " + meaning(failure)};
  const auto& head = state_->parser.get();
  co_return AnswerHead{.status = head.result_int(),
                       .retry_after = retry_after(head[http::field::retry_after])};
}

asio::awaitable<Result<std::string_view>> ApiRequest::read(Millis limit) {
  if (state_->cancelled) co_return Error{"given up"};
  boost::system::error_code failure;
  state_->tcp().expires_after(limit);
  while (!state_->parser.is_done()) {
    auto& body = state_->parser.get().body();
    body.data = state_->body.data();
    body.size = state_->body.size();
    co_await http::async_read_some(*state_->stream, state_->buffer, state_->parser, into(failure));
    if (failure == http::error::need_buffer) failure = {};
    if (failure) co_return Error{meaning(failure)};
    const std::size_t count = state_->body.size() - body.size;
    if (count > 0) co_return std::string_view(state_->body.data(), count);
  }
  co_return std::string_view();
}

std::string percent_encoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return encoded;
}

}  // namespace drainbow::kube
