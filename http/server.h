// The HTTP/1.1 server of agent and demo: small answers, bounded in every direction, on one thread.
//
// Every limit exists because the other side is untrusted: request size, time to send a request,
// idle time, number of clients, and the time a client may take to read its answer. When all places
// are taken, the connection that has waited longest without a complete request is closed in favour
// of the new one, so that a kubelet hook always gets in past idle or half-sent ones; failing that,
// the one that has been slowest to take its answer. Answers under way are never given up: when all
// places are taken by them, the new client is closed, so a handler must bound its long polls.
//
// Answered are GET and HEAD without a body; pipelined requests in their order. Boost.Beast stays in
// connection.*: including this header is cheap.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "drain/address.h"
#include "drain/result.h"

namespace drainbow::http {

struct Request {
  std::string method;                        // "GET", "HEAD", ... as sent
  std::string path;                          // before '?', percent-decoded
  std::map<std::string, std::string> query;  // percent-decoded; of a repeated key the last one
  std::string accept;                        // the Accept header, or empty
  IpAddress peer;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers;  // further ones, such as Allow
};

// An answer at hand, or one that comes later (long poll, hook). A later one is cancelled when the
// client goes away, closes its sending side or sends more than 2 * request_bytes ahead; the handler
// must not depend on being finished. An exception, from either, is answered with 500.
using Reply = std::variant<Response, boost::asio::awaitable<Response>>;
using Handler = std::function<Reply(const Request&)>;

struct Limits {
  std::size_t clients = 256;
  std::size_t request_bytes = 8192;                                  // request line and headers
  std::chrono::milliseconds request_time = std::chrono::seconds(5);  // from first byte to complete
  std::chrono::milliseconds idle_time = std::chrono::seconds(75);    // between requests
  std::chrono::milliseconds write_time = std::chrono::seconds(5);
};

// Where to listen: "[::]:9911", "0.0.0.0:9911", "127.0.0.1:0", ":9911" (the same as [::]).
Result<Endpoint> parse_listen_address(std::string_view text);

class Server {
 public:
  // Binds at once, so that a port in use is an error here and not later. With address [::] it
  // accepts IPv4 too, and falls back to 0.0.0.0 where the kernel has no IPv6. The server must not
  // outlive the executor's event loop, which is turned by one thread.
  static Result<Server> listen(boost::asio::any_io_executor executor, const Endpoint& address,
                               Handler handler, Limits limits = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  Endpoint bound_to() const;  // with the port the kernel chose for port 0
  std::size_t clients() const;

  // Stops accepting and closes every connection; later answers are cancelled, which takes one more
  // turn of the event loop. No handler is called after it. The destructor does the same.
  void stop();

 private:
  class Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace drainbow::http
