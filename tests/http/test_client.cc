#include "tests/http/test_client.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/asio_address.h"

namespace drainbow::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

TestClient::TestClient(EventLoop& loop, const Endpoint& server, int receive_buffer)
    : loop_(loop), socket_(loop.context()) {
  const tcp::endpoint endpoint(to_asio(server.address), server.port);
  socket_.open(endpoint.protocol());
  if (receive_buffer > 0) {
    socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
  }
  socket_.connect(endpoint);  // done by the kernel, before the server accepts
}

void TestClient::send(std::string_view bytes) {
  error_code closed_by_server;
  asio::write(socket_, asio::buffer(bytes), closed_by_server);
}

awaitable<bool> TestClient::drip(std::string bytes, std::chrono::milliseconds pause) {
  error_code error;
  asio::steady_timer timer(socket_.get_executor());
  for (const char& byte : bytes) {
    co_await asio::async_write(socket_, asio::buffer(&byte, 1), into(error));
    if (error) co_return false;
    timer.expires_after(pause);
    co_await timer.async_wait(into(error));
  }
  co_return true;
}

bool TestClient::send_slowly(std::string_view bytes, std::chrono::milliseconds pause) {
  return loop_.await(drip(std::string(bytes), pause));
}

awaitable<Answer> TestClient::receive_answer(bool to_head) {
  boost::beast::http::response_parser<boost::beast::http::string_body> parser;
  parser.skip(to_head);
  parser.body_limit(boost::none);
  error_code error;
  co_await boost::beast::http::async_read(socket_, buffer_, parser, into(error));
  Answer answer;
  if (error) co_return answer;
  answer.status = static_cast<int>(parser.get().result_int());
  answer.body = parser.get().body();
  for (const auto& header : parser.get()) {
    answer.headers[lower_case(std::string(header.name_string()))] = std::string(header.value());
  }
  co_return answer;
}

Answer TestClient::read_answer(bool to_head) { return loop_.await(receive_answer(to_head)); }

Answer TestClient::get(std::string_view target) {
  send(get_request(target));
  return read_answer();
}

awaitable<TestClient::Rest> TestClient::receive_all() {
  Rest rest;
  error_code error;
  std::array<char, 4096> chunk{};
  while (!error) {
    const std::size_t got = co_await socket_.async_read_some(asio::buffer(chunk), into(error));
    rest.bytes.append(chunk.data(), got);
  }
  rest.reset = error != asio::error::eof;
  co_return rest;
}

TestClient::Rest TestClient::read_to_end() { return loop_.await(receive_all()); }

void TestClient::close() { socket_.close(); }

void TestClient::reset() {
  socket_.set_option(asio::socket_base::linger(true, 0));
  socket_.close();
}

void TestClient::close_sending_side() { socket_.shutdown(tcp::socket::shutdown_send); }

std::string get_request(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

}  // namespace drainbow::http
