// The program itself, run against an agent that the test plays on a real loopback socket.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drainbow {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kDrained[] =
    R"({"verdict":"drained","reasons":[{"code":"drained","message":"no connection is open"}]})";
constexpr char kDraining[] =
    R"({"verdict":"draining","reasons":[{"code":"open_connections","message":"3 open"}]})";
constexpr char kUnknown[] =
    R"({"verdict":"unknown","reasons":[{"code":"no_listener","message":"nothing listens"}]})";

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Any\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::read(fd, chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// A listener on a free loopback port, and the one client that is accepted.
class FakeAgent {
 public:
  explicit FakeAgent(int family = AF_INET) : listener_(::socket(family, SOCK_STREAM, 0)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    auto* address =
        family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    EXPECT_EQ(::bind(listener_.get(), address, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), address, &size), 0);
    port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    host_ = family == AF_INET ? "127.0.0.1" : "[::1]";
  }

  std::string address() const { return host_ + ":" + std::to_string(port_); }

  // The request's head.
  std::string accept() {
    client_.emplace(::accept(listener_.get(), nullptr, nullptr));
    std::string head;
    for (char c = 0; !head.ends_with("\r\n\r\n") && ::read(client_->get(), &c, 1) == 1;) head += c;
    return head;
  }

  void send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {  // less when the probe has read enough
      const ssize_t n =
          ::send(client_->get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }

  void hang_up() { client_.reset(); }
  void stop_listening() { listener_.close(); }

 private:
  Descriptor listener_;
  std::optional<Descriptor> client_;
  std::string host_;
  int port_ = 0;
};

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class Probe {
 public:
  explicit Probe(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    arguments.insert(arguments.begin(), PROBE_PATH);
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(environment);
    EXPECT_EQ(::posix_spawn(&pid_, PROBE_PATH, &actions, nullptr, argv.data(), envp.data()), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    ::close(err[1]);
    out_.emplace(out[0]);
    err_.emplace(err[0]);
  }

  Outcome outcome() {
    Outcome outcome;
    outcome.out = read_all(out_->get());
    outcome.err = read_all(err_->get());
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  pid_t pid_ = -1;
  std::optional<Descriptor> out_;
  std::optional<Descriptor> err_;
};

// Asks an agent that gives this answer and hangs up.
Outcome ask(const std::string& command, const std::string& answer) {
  FakeAgent agent;
  Probe probe({command, "--agent", agent.address()});
  agent.accept();
  agent.send(answer);
  agent.hang_up();
  return probe.outcome();
}

TEST(Probe, DrainedIsZero) {
  const Outcome outcome = ask("drained", http(200, kDrained));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "drained: no connection is open\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(Probe, NotDrainedIsOne) {
  for (const char* command : {"drained", "wait"}) {
    const Outcome outcome = ask(command, http(503, kDraining));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "draining: 3 open\n");
  }
  EXPECT_EQ(ask("status", http(200, kDraining)).exit_code, 1);
}

TEST(Probe, UnknownIsThree) {
  const Outcome outcome = ask("status", http(200, kUnknown));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "unknown: nothing listens\n");
}

TEST(Probe, EveryBadAnswerIsThreeAndSaysWhy) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  const std::pair<std::string, const char*> cases[] = {
      {"", "without an answer"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"},
      {std::string(100, '\0'), "not HTTP"},
      {chunked, "chunked"},
      {http(200, kDrained).substr(0, 60), "bytes and not the announced"},
      {http(200, std::string(2 << 20, ' ')), "larger than 1 MiB"},
      {http(200, "{}"), "not a verdict document"},
      {http(200, kDraining), "contradicts itself"},
      {http(404, "not found\n"), "refused with status 404: not found"},
      {http(500, ""), "refused with status 500"},
  };
  for (const auto& [answer, why] : cases) {
    const Outcome outcome = ask("drained", answer);
    EXPECT_EQ(outcome.exit_code, 3) << why;
    EXPECT_EQ(outcome.out, "") << why;
    EXPECT_THAT(outcome.err, StartsWith("drainbow-probe: "));
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(Probe, AnAgentThatSaysNothingIsThree) {
  FakeAgent agent;
  Probe probe({"drained", "--timeout=50ms", "--agent", agent.address()});
  const Outcome outcome = probe.outcome();  // not even accepted
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err, "drainbow-probe: agent at " + agent.address() + ": no answer in time\n");
}

TEST(Probe, AnAgentThatDoesNotFinishIsThree) {
  FakeAgent agent;
  Probe probe({"drained", "--timeout=50ms", "--agent", agent.address()});
  agent.accept();
  agent.send(http(200, kDrained));  // whole, but who knows: the connection stays open
  const Outcome outcome = probe.outcome();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no complete answer in time"));
}

TEST(Probe, NobodyThereIsThree) {
  FakeAgent agent;
  agent.stop_listening();
  const Outcome outcome = Probe({"drained", "--agent", agent.address()}).outcome();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err, "drainbow-probe: no agent listens at " + agent.address() + "\n");
}

TEST(Probe, AsksOverIpv6) {
  FakeAgent agent(AF_INET6);
  Probe probe({"drained", "--agent", agent.address()});
  agent.accept();
  agent.send(http(200, kDrained));
  agent.hang_up();
  EXPECT_EQ(probe.outcome().exit_code, 0);
}

TEST(Probe, EachCommandHasItsRequest) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"drained"}, "GET /drained HTTP/1.0\r\n"},
      {{"status"}, "GET /status HTTP/1.0\r\n"},
      {{"wait"}, "GET /wait?for=drained&timeout=30000ms HTTP/1.0\r\n"},
      {{"wait", "--timeout=5m"}, "GET /wait?for=drained&timeout=300000ms HTTP/1.0\r\n"}};
  for (const auto& [arguments, request] : cases) {
    FakeAgent agent;
    Probe probe(arguments, {"DRAINBOW_AGENT=" + agent.address()});
    EXPECT_THAT(agent.accept(), StartsWith(request));
    agent.send(http(200, kDrained));
    agent.hang_up();
    EXPECT_EQ(probe.outcome().exit_code, 0);
  }
}

TEST(Probe, JsonIsTheDocumentAsItCame) {
  FakeAgent agent;
  Probe probe({"status", "--json", "--agent", agent.address()});
  agent.accept();
  agent.send(http(200, kDraining));
  agent.hang_up();
  const Outcome outcome = probe.outcome();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, std::string(kDraining) + "\n");
}

TEST(Probe, BadUsageIsTwoAndOneLine) {
  const std::vector<std::string> cases[] = {{},
                                            {"drain"},
                                            {"drained", "status"},
                                            {"--bogus"},
                                            {"drained", "--timeout=5"},
                                            {"drained", "--timeout=0s"},
                                            {"drained", "--timeout=61m"},
                                            {"drained", "--agent=localhost:9911"},
                                            {"drained", "--agent=127.0.0.1:0"},
                                            {"drained", "--agent"}};
  for (const auto& arguments : cases) {
    const Outcome outcome = Probe(arguments).outcome();
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("drainbow-probe: "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  const Outcome environment = Probe({"drained"}, {"DRAINBOW_TIMEOUT=soon"}).outcome();
  EXPECT_EQ(environment.exit_code, 2);
  EXPECT_THAT(environment.err, HasSubstr("DRAINBOW_TIMEOUT: 'soon' is not a duration"));
}

TEST(Probe, HelpAndVersionAreZero) {
  const Outcome help = Probe({"--help"}).outcome();
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part : {"drained|wait|status", "--agent", "--timeout", "--json",
                           "Exit codes: 0 drained, 1 not drained, 2 usage, 3 unknown"}) {
    EXPECT_THAT(help.out, HasSubstr(part));
  }
  const Outcome version = Probe({"--version"}).outcome();
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("drainbow-probe "));
}

}  // namespace
}  // namespace drainbow
