// The bytes of one connection, through the real server on loopback. The first byte says in which
// pieces they come and how the client leaves; whatever it sends, the server must let go of it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http/server.h"
#include "sockets/unique_fd.h"

namespace drainbow::http {
namespace {

namespace asio = boost::asio;

void check(bool holds) {
  if (!holds) std::abort();
}

asio::awaitable<Response> answer_after(asio::any_io_executor executor,
                                       std::chrono::steady_clock::duration delay) {
  asio::steady_timer timer(executor, delay);
  co_await timer.async_wait(asio::use_awaitable);
  co_return Response{};
}

struct World {
  World() {
    auto listening = Server::listen(loop.get_executor(), *parse_listen_address("127.0.0.1:0"),
                                    [this](const Request& request) { return handle(request); },
                                    {.request_bytes = 256});
    check(listening.ok());
    server.emplace(std::move(*listening));
  }

  Reply handle(const Request& request) {
    check(request.path.starts_with('/'));
    check(request.method == "GET" || request.method == "HEAD");
    if (request.path == "/n") return answer_after(loop.get_executor(), std::chrono::hours(1));
    if (request.path == "/l") return answer_after(loop.get_executor(), std::chrono::seconds(0));
    if (request.path == "/t") throw std::runtime_error("thrown");
    Response response;
    response.body = request.path;
    return response;
  }

  void turn() {
    loop.restart();
    while (loop.poll() > 0) {
    }
  }

  asio::io_context loop{1};
  std::optional<Server> server;
};

UniqueFd connect_to(const Endpoint& server) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

void run(World& world, std::string_view bytes, std::size_t piece, bool reset) {
  UniqueFd client = connect_to(world.server->bound_to());
  std::string received;
  while (!bytes.empty()) {
    const std::string_view next = bytes.substr(0, piece);
    bytes.remove_prefix(next.size());
    if (::send(client.get(), next.data(), next.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    world.turn();
    std::array<char, 4096> chunk{};
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(client.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (got > 0) received.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }
  check(received.empty() || received.starts_with("HTTP/1.1 "));
  const linger at_once{.l_onoff = reset ? 1 : 0, .l_linger = 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client.reset();
  world.turn();
  while (world.server->clients() > 0) {
    world.loop.restart();
    check(world.loop.run_one_for(std::chrono::seconds(2)) > 0);
  }
}

}  // namespace
}  // namespace drainbow::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static drainbow::http::World world;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = (data[0] & 0x80) != 0 ? 4096 : 1 + (data[0] & 0x3fU);
  drainbow::http::run(world, bytes, piece, (data[0] & 0x40) != 0);
  return 0;
}
