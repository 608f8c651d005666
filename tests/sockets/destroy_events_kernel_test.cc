#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "sockets/destroy_events.h"
#include "tests/sockets/own_network.h"
#include "tests/sockets/tcp.h"

namespace drainbow {
namespace {

using testing::accept_on;
using testing::connect_to;
using testing::ip;
using testing::listen_on;
using testing::local_end;

class DestroyEventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<void> entered = testing::enter_own_network();
    if (!entered) DRAINBOW_SKIP("no network namespace: " + entered.error().message);
    Result<DestroyEvents> subscribed = DestroyEvents::subscribe();
    ASSERT_TRUE(subscribed) << subscribed.error().message;
    events_.emplace(std::move(*subscribed));
  }

  // Reads until `count` connections of `port` were seen. The kernel sends from a work queue.
  std::vector<TcpSocket> wait_for(std::uint16_t port, std::size_t count) {
    std::vector<TcpSocket> seen;
    testing::eventually([&] {
      pollfd entry{.fd = events_->fd(), .events = POLLIN, .revents = 0};
      ::poll(&entry, 1, 1000);
      const Result<DestroyEvents::Batch> batch = events_->read();
      EXPECT_TRUE(batch) << batch.error().message;
      EXPECT_FALSE(batch->lost_some);
      std::ranges::copy_if(batch->destroyed, std::back_inserter(seen),
                           [&](const TcpSocket& s) { return s.local_port == port; });
      return seen.size() >= count;
    });
    return seen;
  }

  std::optional<DestroyEvents> events_;
};

TEST_F(DestroyEventsTest, NothingHappenedNothingIsRead) {
  const Result<DestroyEvents::Batch> batch = events_->read();
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->destroyed.empty());
  EXPECT_FALSE(batch->lost_some);
  EXPECT_FALSE(batch->more);
}

TEST_F(DestroyEventsTest, AConnectionThatCameAndWentIsTold) {
  for (const std::string address : {"127.0.0.1", "::1"}) {
    SCOPED_TRACE(address);
    const UniqueFd listener = listen_on(IpAddress(), {.stack = testing::Stack::kDual});
    const std::uint16_t port = local_end(listener).port;
    UniqueFd client = connect_to({ip(address), port});
    const testing::Endpoint client_end = local_end(client);
    testing::send_bytes(client, "GET / HTTP/1.1\r\n\r\n");
    UniqueFd server = accept_on(listener);
    const std::uint64_t cookie = testing::cookie_of(server);
    testing::reset_on_close(client);
    client.reset();
    server.reset();
    const std::vector<TcpSocket> seen = wait_for(port, 1);
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].cookie, cookie);
    EXPECT_EQ(seen[0].state, TcpState::kClose);
    EXPECT_EQ(seen[0].local, ip(address));
    EXPECT_EQ(seen[0].peer, client_end.address);
    EXPECT_EQ(seen[0].peer_port, client_end.port);
    EXPECT_EQ(seen[0].bytes_received, 18U);
  }
}

TEST_F(DestroyEventsTest, WhicheverSideClosedFirst) {
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const std::uint16_t port = local_end(listener).port;
  for (const bool client_first : {true, false}) {
    UniqueFd client = connect_to(local_end(listener));
    UniqueFd server = accept_on(listener);
    const std::uint64_t cookie = testing::cookie_of(server);
    (client_first ? client : server).reset();
    (client_first ? server : client).reset();
    const std::vector<TcpSocket> seen = wait_for(port, 1);
    ASSERT_EQ(seen.size(), 1U) << client_first;
    EXPECT_EQ(seen[0].cookie, cookie);
    EXPECT_EQ(seen[0].bytes_received, 1U) << "the FIN counts as a byte (tcp_data_queue)";
  }
}

TEST_F(DestroyEventsTest, WhatTheServerAbortsIsToldToo) {
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const UniqueFd client = connect_to(local_end(listener), ip("127.0.0.7"));
  UniqueFd server = accept_on(listener);
  const std::uint64_t cookie = testing::cookie_of(server);
  testing::reset_on_close(server);
  server.reset();
  const std::vector<TcpSocket> seen = wait_for(local_end(listener).port, 1);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].cookie, cookie);
  EXPECT_EQ(seen[0].peer, ip("127.0.0.7"));
  EXPECT_FALSE(seen[0].bytes_received);
}

TEST_F(DestroyEventsTest, AConnectionNeverAcceptedIsTold) {
  UniqueFd listener = listen_on(ip("127.0.0.1"));
  const std::uint16_t port = local_end(listener).port;
  const UniqueFd client = connect_to(local_end(listener));
  listener.reset();
  EXPECT_EQ(wait_for(port, 1).size(), 1U);
}

// The end of a listener would come before that of the connection closed after it.
TEST_F(DestroyEventsTest, AListenersEndIsNot) {
  UniqueFd listener = listen_on(ip("127.0.0.1"));
  const std::uint16_t port = local_end(listener).port;
  UniqueFd client = connect_to(local_end(listener));
  UniqueFd server = accept_on(listener);
  listener.reset();
  client.reset();
  server.reset();
  const std::vector<TcpSocket> seen = wait_for(port, 1);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_NE(seen[0].peer_port, 0);
}

TEST_F(DestroyEventsTest, OverflowIsTold) {
  const auto set_buffer = [&](int size) {
    ASSERT_EQ(::setsockopt(events_->fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
  };
  set_buffer(1);  // becomes the least that the kernel allows
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  bool lost_some = false;
  testing::eventually([&] {
    for (int i = 0; i < 50; ++i) {
      UniqueFd client = connect_to(local_end(listener));
      UniqueFd server = accept_on(listener);
      testing::reset_on_close(client);
      client.reset();
    }
    const Result<DestroyEvents::Batch> batch = events_->read();
    EXPECT_TRUE(batch);
    lost_some = batch->lost_some;
    return lost_some;
  });
  EXPECT_TRUE(lost_some);

  // It goes on afterwards, when those still in the kernel's work queue are through.
  set_buffer(100'000);
  testing::eventually([&] { return !events_->read()->lost_some; });
  const UniqueFd other = listen_on(ip("127.0.0.1"));
  UniqueFd client = connect_to(local_end(other));
  UniqueFd server = accept_on(other);
  client.reset();
  server.reset();
  EXPECT_EQ(wait_for(local_end(other).port, 1).size(), 1U);
}

TEST_F(DestroyEventsTest, ManyAtOnceFitTheBuffer) {
  constexpr std::size_t kConnections = 100;
  testing::raise_file_limit();
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  std::vector<UniqueFd> open;
  for (std::size_t i = 0; i < kConnections; ++i) {
    open.push_back(connect_to(local_end(listener)));
    open.push_back(accept_on(listener));
  }
  open.clear();
  EXPECT_EQ(wait_for(local_end(listener).port, kConnections).size(), kConnections);
}

}  // namespace
}  // namespace drainbow
