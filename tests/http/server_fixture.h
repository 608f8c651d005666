// A server on loopback with the handlers that its tests need.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/server.h"
#include "tests/http/event_loop.h"
#include "tests/http/test_client.h"

namespace drainbow::http {

// What the handlers below see and wait for. /later, /never and /throw-later are coroutines.
struct Scene {
  explicit Scene(EventLoop& loop)
      : released(loop.context(), std::chrono::steady_clock::time_point::max()) {}

  void release() { released.expires_at(std::chrono::steady_clock::time_point::min()); }

  std::vector<Request> requests;
  boost::asio::steady_timer released;  // /later waits for release()
  int pending = 0;                     // coroutines that have begun and not ended
  std::string big_body;                // what /big answers
};

// Counts a coroutine as pending from its first step until its frame is gone.
class Pending {
 public:
  explicit Pending(Scene& scene) : scene_(scene) { ++scene_.pending; }
  ~Pending() { --scene_.pending; }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

 private:
  Scene& scene_;
};

inline boost::asio::awaitable<Response> later(std::shared_ptr<Scene> scene, bool then_throw) {
  const Pending pending(*scene);
  boost::system::error_code released;  // an early end too: release() cancels this wait
  co_await scene->released.async_wait(
      boost::asio::redirect_error(boost::asio::use_awaitable, released));
  if (then_throw) throw std::runtime_error("thrown later");
  Response response;
  response.body = "later";
  co_return response;
}

inline Reply handle(const std::shared_ptr<Scene>& scene, const Request& request) {
  scene->requests.push_back(request);
  if (request.path == "/later") return later(scene, /*then_throw=*/false);
  if (request.path == "/throw-later") return later(scene, /*then_throw=*/true);
  if (request.path == "/throw") throw std::runtime_error("thrown at once");
  Response response;
  response.body = request.path == "/big" ? scene->big_body : "you asked for " + request.path;
  if (request.path == "/missing") response.status = 404;
  return response;
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override { start(); }

  void start(Limits limits = {}, const char* address = "127.0.0.1:0") {
    scene = std::make_shared<Scene>(loop);
    auto listening = Server::listen(
        loop.executor(), *parse_listen_address(address),
        [scene = scene](const Request& request) { return handle(scene, request); }, limits);
    ASSERT_TRUE(listening.ok()) << listening.error().message;
    server.emplace(std::move(*listening));
  }

  TestClient connect(int receive_buffer = 0) { return {loop, server->bound_to(), receive_buffer}; }

  void wait_for_clients(std::size_t count) {
    loop.run_until([&] { return server->clients() == count; });
  }
  void wait_for_pending(int count) {
    loop.run_until([&] { return scene->pending == count; });
  }

  EventLoop loop;
  std::shared_ptr<Scene> scene;
  std::optional<Server> server;
};

}  // namespace drainbow::http
