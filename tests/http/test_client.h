// A client that can misbehave: sends any bytes, in any pieces, reads answers or does not.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <map>
#include <string>
#include <string_view>

#include "http/server.h"
#include "tests/http/event_loop.h"

namespace drainbow::http {

struct Answer {
  int status = 0;  // 0: the connection ended without one
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case

  bool operator==(const Answer&) const = default;
};

class TestClient {
 public:
  // A receive buffer of 0 is the kernel's own choice.
  TestClient(EventLoop& loop, const Endpoint& server, int receive_buffer = 0);

  void send(std::string_view bytes);
  // Turns the loop between the bytes, so that each arrives alone. False if the server has closed.
  bool send_slowly(std::string_view bytes, std::chrono::milliseconds pause);

  Answer read_answer(bool to_head = false);
  Answer get(std::string_view target);

  // Everything up to the end of the connection; `reset` when that was not an orderly one.
  struct Rest {
    std::string bytes;
    bool reset = false;
  };
  Rest read_to_end();

  void close();  // orderly
  void reset();
  void close_sending_side();

 private:
  boost::asio::awaitable<Answer> receive_answer(bool to_head);
  boost::asio::awaitable<Rest> receive_all();
  boost::asio::awaitable<bool> drip(std::string bytes, std::chrono::milliseconds pause);

  EventLoop& loop_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

// "GET /path HTTP/1.1" with a Host header.
std::string get_request(std::string_view target);

}  // namespace drainbow::http
