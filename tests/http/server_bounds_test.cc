// Time limits, and who must go when all places are taken.
#include <sys/resource.h>

#include <list>

#include "tests/http/server_fixture.h"

namespace drainbow::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr char kHalfARequest[] = "GET / HTTP/1.1\r\nHost:";

Limits with_clients(std::size_t clients) {
  Limits limits;
  limits.clients = clients;
  return limits;
}

// The limit that is under test is short, all others are far away.
Limits far_limits() {
  return {.clients = 256, .request_time = 1h, .idle_time = 1h, .write_time = 1h};
}

TEST_F(ServerTest, CutsAClientThatSendsNothing) {
  Limits limits = far_limits();
  limits.request_time = 20ms;
  start(limits);
  TestClient client = connect();
  EXPECT_EQ(client.read_to_end().bytes, "");
}

TEST_F(ServerTest, CutsARequestThatComesByteByByte) {
  Limits limits = far_limits();
  limits.request_time = 40ms;
  start(limits);
  TestClient client = connect();
  const auto start_time = steady_clock::now();
  EXPECT_FALSE(client.send_slowly(get_request("/" + std::string(5000, 'x')), 2ms));
  EXPECT_GE(steady_clock::now() - start_time, 40ms);
  EXPECT_TRUE(scene->requests.empty());
}

TEST_F(ServerTest, CutsASlowSecondRequestToo) {
  Limits limits = far_limits();
  limits.request_time = 40ms;
  start(limits);
  TestClient client = connect();
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_FALSE(client.send_slowly(get_request("/" + std::string(5000, 'x')), 2ms));
  EXPECT_EQ(scene->requests.size(), 1U);
}

TEST_F(ServerTest, CutsAnIdleClient) {
  Limits limits = far_limits();
  limits.idle_time = 20ms;
  start(limits);
  TestClient client = connect();
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(client.read_to_end().bytes, "");
}

TEST_F(ServerTest, CutsAClientThatDoesNotReadItsAnswer) {
  Limits limits = far_limits();
  limits.write_time = 20ms;
  start(limits);
  scene->big_body = std::string(20'000'000, 'b');
  TestClient client = connect(4096);
  client.send(get_request("/big"));
  wait_for_clients(1);
  wait_for_clients(0);
}

TEST_F(ServerTest, NoLimitAppliesToALaterAnswer) {
  start({.request_time = 5ms, .idle_time = 5ms, .write_time = 1h});
  TestClient client = connect();
  client.send(get_request("/later"));
  wait_for_pending(1);
  boost::asio::steady_timer pause(loop.context(), 30ms);
  bool over = false;
  pause.async_wait([&over](boost::system::error_code) { over = true; });
  loop.run_until([&over] { return over; });
  scene->release();
  EXPECT_EQ(client.read_answer().body, "later");
}

TEST_F(ServerTest, WhenFullTheOldestWithoutARequestGoes) {
  start(with_clients(3));
  TestClient silent = connect();
  wait_for_clients(1);
  TestClient half = connect();
  half.send(kHalfARequest);
  wait_for_clients(2);
  TestClient waiting = connect();
  waiting.send(get_request("/later"));
  wait_for_pending(1);

  TestClient hook = connect();
  EXPECT_EQ(hook.get("/").status, 200);
  EXPECT_EQ(silent.read_to_end().bytes, "");
  EXPECT_EQ(server->clients(), 3U);

  TestClient second_hook = connect();
  EXPECT_EQ(second_hook.get("/").status, 200);
  EXPECT_EQ(half.read_to_end().bytes, "");

  // Next is the first hook, which is idle since its answer; the long poll stays to the end.
  TestClient third_hook = connect();
  EXPECT_EQ(third_hook.get("/").status, 200);
  EXPECT_EQ(hook.read_to_end().bytes, "");
  EXPECT_EQ(second_hook.get("/").status, 200);
  scene->release();
  EXPECT_EQ(waiting.read_answer().body, "later");
}

TEST_F(ServerTest, AnIdleClientThatJustHadAnAnswerOutlastsOneThatHadNone) {
  start(with_clients(2));
  TestClient active = connect();
  EXPECT_EQ(active.get("/").status, 200);
  TestClient silent = connect();
  wait_for_clients(2);
  EXPECT_EQ(active.get("/").status, 200);
  TestClient hook = connect();
  EXPECT_EQ(hook.get("/").status, 200);
  silent.read_to_end();
  EXPECT_EQ(active.get("/").status, 200);
}

TEST_F(ServerTest, WhenFullOfClientsThatDoNotReadTheSlowestGoes) {
  start(with_clients(2));
  scene->big_body = std::string(20'000'000, 'b');
  TestClient slow = connect(4096);
  slow.send(get_request("/big"));
  loop.run_until([this] { return scene->requests.size() == 1; });
  TestClient waiting = connect();
  waiting.send(get_request("/later"));
  wait_for_pending(1);
  loop.settle();

  TestClient hook = connect();
  EXPECT_EQ(hook.get("/").status, 200);
  EXPECT_EQ(slow.read_answer().status, 0);
  EXPECT_EQ(scene->pending, 1);
}

TEST_F(ServerTest, WhenAllAreAnswersUnderWayTheNewClientGoes) {
  start(with_clients(2));
  TestClient first = connect();
  TestClient second = connect();
  first.send(get_request("/later"));
  second.send(get_request("/later"));
  wait_for_pending(2);
  TestClient refused = connect();
  refused.send(get_request("/"));
  EXPECT_EQ(refused.read_to_end().bytes, "");
  EXPECT_EQ(scene->pending, 2);
  scene->release();
  EXPECT_EQ(first.read_answer().body, "later");
  EXPECT_EQ(second.read_answer().body, "later");
  TestClient welcome = connect();
  EXPECT_EQ(welcome.get("/").status, 200);
}

// The soft limit of open files is often 1024.
void allow_open_files(rlim_t count) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur >= count) return;
  if (limit.rlim_max < count) GTEST_SKIP() << "too few open files are allowed";
  limit.rlim_cur = count;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(ServerTest, AThousandIdleClientsDoNotKeepARequestOut) {
  allow_open_files(4096);
  if (IsSkipped()) return;
  start();
  std::list<TestClient> hostile;
  for (int i = 0; i < 1000; ++i) {
    hostile.push_back(connect());
    if (i % 2 == 0) hostile.back().send(kHalfARequest);
    if (i % 20 != 0) continue;
    TestClient hook = connect();
    ASSERT_EQ(hook.get("/").status, 200) << "after " << i;
  }
  EXPECT_EQ(server->clients(), Limits{}.clients);
}

TEST_F(ServerTest, AThousandParallelRequestsAreAllAnswered) {
  allow_open_files(4096);
  if (IsSkipped()) return;
  start(with_clients(1000));
  std::list<TestClient> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(connect());
    clients.back().send(get_request("/later"));
  }
  wait_for_pending(1000);
  scene->release();
  for (TestClient& client : clients) ASSERT_EQ(client.read_answer().body, "later");
}

TEST_F(ServerTest, HostileClientsDoNotTurnTheLoop) {
  start(far_limits());
  std::list<TestClient> hostile;
  scene->big_body = std::string(4'000'000, 'b');
  for (int i = 0; i < 256; ++i) {
    hostile.push_back(connect(4096));
    if (i % 4 == 1) hostile.back().send(kHalfARequest);
    if (i % 4 == 2) hostile.back().send(get_request("/later"));
    if (i % 16 == 3) hostile.back().send(get_request("/big"));
  }
  wait_for_pending(64);
  loop.settle();
  loop.context().restart();
  EXPECT_LE(loop.context().run_for(50ms), 64U);  // some /big may still trickle
}

}  // namespace
}  // namespace drainbow::http
