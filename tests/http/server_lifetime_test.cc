// Binding, clients that vanish, stop and destruction at every stage.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <list>

#include "tests/http/server_fixture.h"

namespace drainbow::http {
namespace {

using namespace std::chrono_literals;

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

Reply nothing(const Request&) { return Response{}; }

TEST_F(ServerTest, APortInUseIsAnError) {
  const auto second = Server::listen(loop.executor(), server->bound_to(), nothing);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message,
            "listening on " + server->bound_to().to_string() + ": Address already in use");
}

TEST_F(ServerTest, AForeignAddressIsAnError) {
  const auto foreign =
      Server::listen(loop.executor(), *parse_listen_address("192.0.2.1:0"), nothing);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().message, "listening on 192.0.2.1:0: Cannot assign requested address");
}

TEST_F(ServerTest, KnowsItsAddressAfterStop) {
  const std::uint16_t port = server->bound_to().port;
  EXPECT_NE(port, 0);
  server->stop();
  EXPECT_EQ(server->bound_to().port, port);
}

// How a client with an answer under way may vanish.
struct Vanishing {
  const char* description;
  void (*vanish)(TestClient& client);
};

class VanishingTest : public ServerTest, public testing::WithParamInterface<Vanishing> {};

TEST_P(VanishingTest, CancelsTheAnswerUnderWay) {
  TestClient client = connect();
  client.send(get_request("/later"));
  wait_for_pending(1);
  GetParam().vanish(client);
  wait_for_pending(0);
  wait_for_clients(0);
  EXPECT_EQ(scene->requests.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    All, VanishingTest,
    testing::Values(Vanishing{"Close", [](TestClient& client) { client.close(); }},
                    Vanishing{"CloseSendingSide",
                              [](TestClient& client) { client.close_sending_side(); }},
                    Vanishing{"Reset", [](TestClient& client) { client.reset(); }},
                    Vanishing{"CloseAfterAFurtherRequest",
                              [](TestClient& client) {
                                client.send(get_request("/next"));
                                client.close();
                              }},
                    Vanishing{"ResetAfterAFurtherRequest",
                              [](TestClient& client) {
                                client.send(get_request("/next"));
                                client.reset();
                              }},
                    Vanishing{"SendTooMuchAhead",
                              [](TestClient& client) { client.send(std::string(20'000, 'x')); }}),
    [](const auto& info) { return info.param.description; });

TEST_F(ServerTest, StopEndsEverything) {
  const std::size_t files_before = open_files();
  TestClient silent = connect();
  TestClient half = connect();
  half.send("GET / HTTP");
  TestClient idle = connect();
  EXPECT_EQ(idle.get("/").status, 200);
  TestClient waiting = connect();
  waiting.send(get_request("/later"));
  TestClient slow = connect(4096);
  scene->big_body = std::string(20'000'000, 'b');
  slow.send(get_request("/big"));
  TestClient lingering = connect();
  lingering.send("nonsense\r\n\r\n");
  EXPECT_EQ(lingering.read_answer().status, 400);
  loop.run_until([this] { return scene->requests.size() == 3; });
  EXPECT_EQ(server->clients(), 6U);

  const auto before = std::chrono::steady_clock::now();
  server->stop();
  server->stop();
  wait_for_clients(0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms);
  EXPECT_EQ(scene->pending, 0);
  EXPECT_EQ(open_files(), files_before - 1 + 6);  // the listener is gone, our ends are not
  EXPECT_THROW(connect(), boost::system::system_error);
  loop.context().restart();
  loop.context().run_for(5s);
  EXPECT_TRUE(loop.context().stopped()) << "something still waits";
}

TEST_F(ServerTest, NoHandlerIsCalledAfterStop) {
  TestClient client = connect();
  wait_for_clients(1);
  loop.settle();
  client.send(get_request("/"));
  loop.context().restart();
  loop.context().poll_one();  // the request may have been read by now
  const std::size_t seen = scene->requests.size();
  server->stop();
  wait_for_clients(0);
  EXPECT_EQ(scene->requests.size(), seen);
}

TEST_F(ServerTest, DestructionCancelsAnswersUnderWay) {
  TestClient client = connect();
  client.send(get_request("/later"));
  wait_for_pending(1);
  server.reset();
  wait_for_pending(0);
  EXPECT_EQ(client.read_to_end().bytes, "");
}

TEST_F(ServerTest, AssignmentStopsTheOldServer) {
  TestClient client = connect();
  EXPECT_EQ(client.get("/").status, 200);
  auto other = Server::listen(loop.executor(), *parse_listen_address("127.0.0.1:0"), nothing);
  *server = std::move(*other);
  EXPECT_EQ(client.read_to_end().bytes, "");
  TestClient welcome = connect();
  EXPECT_EQ(welcome.get("/").status, 200);
}

// As at the end of main() when the loop was stopped with work left.
TEST(ServerLifetime, TheLoopMayGoWithAnswersUnderWay) {
  const std::size_t files_before = open_files();
  {
    EventLoop client_loop;
    std::list<TestClient> clients;
    std::weak_ptr<Scene> left;
    {
      EventLoop loop;
      const auto scene = std::make_shared<Scene>(loop);
      left = scene;
      auto server =
          Server::listen(loop.executor(), *parse_listen_address("127.0.0.1:0"),
                         [scene](const Request& request) { return handle(scene, request); });
      ASSERT_TRUE(server.ok());
      for (const std::string& bytes : {std::string(), std::string("GET / HTT"),
                                       get_request("/later"), get_request("/later")}) {
        clients.emplace_back(client_loop, server->bound_to()).send(bytes);
      }
      loop.run_until([&] { return scene->pending == 2 && server->clients() == 4; });
      scene->released.cancel();  // one step before they are done
    }
    EXPECT_TRUE(left.expired()) << "a coroutine is still there";
  }
  EXPECT_EQ(open_files(), files_before);
}

// Runs in a process of its own, whose limits and system calls can be taken away. 0 when all is
// well.
int fail(const std::string& why) {
  std::cerr << why << '\n';
  return 1;
}

int serve_without_descriptors() {
  EventLoop loop;
  auto server = Server::listen(loop.executor(), *parse_listen_address("127.0.0.1:0"), nothing);
  if (!server) return fail(server.error().message);
  std::list<TestClient> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(loop, server->bound_to());
  loop.run_until([&server] { return server->clients() == 4; });
  const rlimit limit{.rlim_cur = 64, .rlim_max = 64};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  while (::dup(STDERR_FILENO) >= 0) {
  }

  loop.context().restart();
  const std::size_t turns = loop.context().run_for(350ms);
  if (server->clients() > 5) return fail("accepted without a descriptor");
  if (turns > 20) return fail("spins: " + std::to_string(turns) + " turns");
  clients.pop_front();
  clients.pop_front();  // four descriptors: ours and those at the server
  loop.run_until([&server] { return server->clients() == 6; });
  for (TestClient& client : clients) {
    if (client.get("/").status != 200) return fail("no answer");
  }
  return 0;
}

TEST(ServerLifetime, OutlivesTheLackOfDescriptors) {
  EXPECT_EXIT(std::_Exit(serve_without_descriptors()), testing::ExitedWithCode(0), "");
}

// socket(AF_INET6, ...) fails as on a kernel that was booted with ipv6.disable=1.
void take_ipv6_away() {
  std::array<sock_filter, 6> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int serve_without_ipv6() {
  take_ipv6_away();
  EventLoop loop;
  auto server = Server::listen(loop.executor(), *parse_listen_address("[::]:0"), nothing);
  if (!server) return fail(server.error().message);
  if (!server->bound_to().to_string().starts_with("0.0.0.0:")) return fail("bound elsewhere");
  TestClient client(loop,
                    {.address = *IpAddress::parse("127.0.0.1"), .port = server->bound_to().port});
  if (client.get("/").status != 200) return fail("no answer");
  const auto v6 = Server::listen(loop.executor(), *parse_listen_address("[::1]:0"), nothing);
  return v6.ok() ? fail("an IPv6 address of its own was replaced") : 0;
}

TEST(ServerLifetime, FallsBackToIpv4WhereThereIsNoIpv6) {
  EXPECT_EXIT(std::_Exit(serve_without_ipv6()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace drainbow::http
