// The TCP side of color-server: a line at once and then one each interval, to thousands of clients.
//
// Clients are untrusted; each costs bounded memory, processor time and time:
//  - What they send is read and dropped, up to LineLimits::input_bytes an interval; the rest waits
//    in the kernel, whose receive window stops the client.
//  - One whose machine vanished is given up when a line stays unacknowledged for
//    LineLimits::stall_time (TCP_USER_TIMEOUT, tcp(7)); where no line is under way, keepalive finds
//    it in about the same time.
//  - One that never reads is given up when its send buffer stays full for LineLimits::stall_time.
//  - One that only ended its sending (shutdown(SHUT_WR)) keeps getting its lines. Its FIN looks
//  like
//    that of a client which has gone, and only writing tells them apart: so a line goes out at
//    once, and a client that has gone answers it with a RST.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "drain/result.h"
#include "http/server.h"

namespace drainbow::demo {

struct LineLimits {
  std::chrono::milliseconds interval = std::chrono::seconds(5);
  std::size_t sessions = 20000;         // over it the newest is closed at once
  std::size_t input_bytes = 64 * 1024;  // dropped from one client in one interval
  std::chrono::milliseconds stall_time = std::chrono::seconds(30);
  int send_buffer_bytes = 4096;  // SO_SNDBUF; the kernel doubles it (socket(7))
  std::chrono::milliseconds stop_time = std::chrono::milliseconds(500);
};

struct LineCounts {
  std::uint64_t sessions_total = 0;
  std::uint64_t refused_total = 0;  // over LineLimits::sessions
  std::uint64_t lines_sent_total = 0;
  std::uint64_t accept_errors_total = 0;
};

// One thread. Must outlive the run of its executor's io_context.
class LineServer {
 public:
  // Told when accepting begins to fail (too many open files, say), once for each row of failures.
  using AcceptErrorHandler = std::function<void(const std::string& reason)>;

  // Binds and listens, so that a port in use is an error here. With address [::] it accepts IPv4
  // too, and falls back to 0.0.0.0 where the kernel has no IPv6. `line` ends in a newline.
  static Result<std::unique_ptr<LineServer>> listen(boost::asio::any_io_executor executor,
                                                    const Endpoint& address, std::string line,
                                                    LineLimits limits,
                                                    AcceptErrorHandler on_accept_error);

  // Accepts clients from now on.
  void start();

  // Ends every session with a FIN after its last whole line, and drops what its client still sends:
  // unread input would turn the FIN into a RST, which can destroy that line on its way. Returns
  // when all clients have closed in turn, at the latest after LineLimits::stop_time.
  boost::asio::awaitable<void> stop();

  const Endpoint& bound_to() const { return bound_to_; }  // port 0 replaced
  std::size_t sessions() const { return sessions_.size(); }
  const LineCounts& counts() const { return counts_; }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct Session;
  using SessionPointer = std::shared_ptr<Session>;

  LineServer(Tcp::acceptor acceptor, std::string line, LineLimits limits,
             AcceptErrorHandler on_accept_error);

  boost::asio::awaitable<void> accept_clients();
  void admit(Tcp::socket socket);
  boost::asio::awaitable<void> write_lines(SessionPointer session);
  boost::asio::awaitable<bool> write_line(SessionPointer session);
  boost::asio::awaitable<void> drop_input(SessionPointer session);
  void close(const SessionPointer& session);

  Tcp::acceptor acceptor_;
  Endpoint bound_to_;
  std::string line_;
  LineLimits limits_;
  AcceptErrorHandler on_accept_error_;
  boost::asio::steady_timer accept_again_;
  boost::asio::steady_timer all_closed_;  // cancelled when stopping and the last session ends
  bool stopping_ = false;
  std::unordered_set<SessionPointer> sessions_;
  LineCounts counts_;
  std::array<char, 4096> dropped_{};  // all clients' input, never looked at
};

}  // namespace drainbow::demo
