// SocketSampler on real sockets, in network namespaces of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

#include "sockets/inet_diag_table.h"
#include "sockets/proc_table.h"
#include "sockets/sampler.h"
#include "tests/sockets/own_network.h"
#include "tests/sockets/scene.h"
#include "tests/sockets/ss_output.h"
#include "tests/sockets/tcp.h"

namespace drainbow {
namespace {

using testing::accept_on;
using testing::connect_to;
using testing::ip;
using testing::listen_on;
using testing::local_end;
using testing::Scene;

const TimePoint kNow{std::chrono::hours(1)};

class InOwnNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<void> entered = testing::enter_own_network();
    if (!entered) DRAINBOW_SKIP("no network namespace: " + entered.error().message);
  }
};

// What every method and ss show of a socket.
struct Identity {
  IpAddress local;
  std::uint16_t local_port;
  IpAddress peer;
  std::uint16_t peer_port;
  TcpState state;
  std::uint32_t receive_queue;
  std::uint32_t send_queue;

  auto operator<=>(const Identity&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Identity& id) {
    return out << id.local.to_string() << " " << id.local_port << " " << id.peer.to_string() << " "
               << id.peer_port << " " << to_string(id.state) << " " << id.receive_queue << " "
               << id.send_queue;
  }
};

std::multiset<Identity> identities(const std::vector<TcpSocket>& sockets) {
  std::multiset<Identity> result;
  for (const TcpSocket& s : sockets) {
    if (s.state == TcpState::kListen) continue;
    result.insert(
        {s.local, s.local_port, s.peer, s.peer_port, s.state, s.receive_queue, s.send_queue});
  }
  return result;
}

struct ExpectedListener {
  IpAddress address;
  std::uint16_t port;
  auto operator<=>(const ExpectedListener&) const = default;
};

std::multiset<ExpectedListener> to_set(const std::vector<Listener>& listeners) {
  std::multiset<ExpectedListener> result;
  for (const Listener& listener : listeners) result.insert({listener.address, listener.port});
  return result;
}

const TcpSocket* find(const std::vector<TcpSocket>& sockets, const TcpSocket& like) {
  const auto found = std::ranges::find_if(sockets, [&](const TcpSocket& s) {
    return s.local == like.local && s.local_port == like.local_port && s.peer == like.peer &&
           s.peer_port == like.peer_port;
  });
  return found == sockets.end() ? nullptr : &*found;
}

void expect_scene(const Scene& scene, const TcpTable& seen) {
  for (const Scene::Expected& expected : scene.expected()) {
    SCOPED_TRACE(expected.description);
    const TcpSocket* socket = find(seen.sockets, expected.socket);
    ASSERT_NE(socket, nullptr);
    EXPECT_EQ(socket->state, expected.socket.state);
    EXPECT_EQ(socket->receive_queue, expected.socket.receive_queue);
    if (expected.send_queue_is_large) {
      EXPECT_GT(socket->send_queue, 1000U);
    } else {
      EXPECT_EQ(socket->send_queue, expected.socket.send_queue);
    }
  }
  const std::vector<std::uint16_t> ports = scene.listening_ports();
  for (const std::uint16_t port : ports) {
    EXPECT_EQ(std::ranges::count(seen.listeners, port, &Listener::port), 1) << port;
  }
  EXPECT_EQ(seen.listeners.size(), ports.size());
}

// Each way of reading, by itself.
struct Way {
  std::string name;
  std::function<std::unique_ptr<SocketTable>()> make;
};

std::vector<Way> all_ways() {
  using Passes = InetDiagTable::Passes;
  return {{"one pass", [] { return std::make_unique<InetDiagTable>(Passes::kOne); }},
          {"two passes", [] { return std::make_unique<InetDiagTable>(Passes::kTwo); }},
          {"proc", [] { return std::make_unique<ProcTable>("/proc"); }}};
}

class EveryWay : public InOwnNetwork {};

TEST_F(EveryWay, PassesItsTrial) {
  for (const Way& way : all_ways()) {
    const Result<void> passed = way.make()->trial();
    EXPECT_TRUE(passed) << way.name << ": " << passed.error().message;
  }
}

TEST_F(EveryWay, ShowsEachKindOfSocketAsItIs) {
  const Scene scene;
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const std::unique_ptr<SocketTable> table = way.make();
    const Result<TcpTable> seen = table->tcp(false);
    ASSERT_TRUE(seen) << seen.error().message;
    expect_scene(scene, *seen);
    const Result<std::vector<Listener>> listeners = table->listeners();
    ASSERT_TRUE(listeners) << listeners.error().message;
    EXPECT_EQ(to_set(*listeners), to_set(seen->listeners));
  }
}

// Takes the table between two looks of ss that agree, so that timers cannot come between.
TEST_F(EveryWay, ShowsWhatSsShows) {
  if (!testing::run_ss("-V")) DRAINBOW_SKIP("ss (iproute2) is not installed");
  const Scene scene;
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const std::unique_ptr<SocketTable> table = way.make();
    std::multiset<Identity> from_ss;
    Result<TcpTable> seen = Error{"not read"};
    ASSERT_TRUE(testing::eventually([&] {
      from_ss = identities(testing::parse_ss(*testing::run_ss("-H -tan")));
      seen = table->tcp(false);
      return from_ss == identities(testing::parse_ss(*testing::run_ss("-H -tan")));
    }));
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(identities(seen->sockets), from_ss);
  }
}

TEST_F(EveryWay, ShowsUdpSockets) {
  const Scene scene;
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const Result<std::vector<UdpSocket>> seen = way.make()->udp();
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_THAT(*seen, ::testing::UnorderedElementsAreArray(scene.expected_udp()));
  }
}

TEST_F(EveryWay, CookieStaysForLife) {
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const UniqueFd client = connect_to(local_end(listener));
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const std::unique_ptr<SocketTable> table = way.make();
    const auto server_cookie = [&] {
      const Result<TcpTable> seen = table->tcp(false);
      TcpSocket like;
      like.local = like.peer = ip("127.0.0.1");
      like.local_port = local_end(listener).port;
      like.peer_port = local_end(client).port;
      const TcpSocket* socket = seen ? find(seen->sockets, like) : nullptr;
      return socket != nullptr ? socket->cookie : 0;
    };
    const std::uint64_t before = server_cookie();
    EXPECT_NE(before, 0U);
    EXPECT_EQ(before, server_cookie());
  }
}

class Sampler : public InOwnNetwork {
 protected:
  SocketSampler::Taken must_sample(SocketSampler& sampler, bool with_info = false) {
    Result<SocketSampler::Taken> taken = sampler.sample(kNow, with_info);
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? std::move(*taken) : SocketSampler::Taken{};
  }
};

TEST_F(Sampler, UsesOnePassHereAndConfirms) {
  const Scene scene;
  SocketSampler sampler({});
  const SocketSampler::Taken taken = must_sample(sampler);
  EXPECT_EQ(sampler.method(), SampleMethod::kDump);
  EXPECT_EQ(taken.sample.method, SampleMethod::kDump);
  EXPECT_EQ(sampler.why_not_better(), "");
  EXPECT_TRUE(sampler.trustworthy());
  EXPECT_TRUE(taken.sample.confirmed);
  EXPECT_EQ(*sampler.counters(), taken.counters);
  expect_scene(scene, {taken.sample.sockets, taken.sample.listeners});
}

TEST_F(Sampler, AnEmptyNamespaceIsAConfirmedZero) {
  for (const bool use_netlink : {true, false}) {
    SocketSampler sampler({.use_netlink = use_netlink});
    const SocketSampler::Taken taken = must_sample(sampler);
    EXPECT_TRUE(taken.sample.confirmed);
    EXPECT_TRUE(taken.sample.sockets.empty());
    EXPECT_TRUE(taken.sample.listeners.empty());
  }
}

TEST_F(Sampler, TellsIdleTimeAndBytesOnlyWhenAsked) {
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const UniqueFd client = connect_to(local_end(listener));
  const UniqueFd server = accept_on(listener);
  testing::send_bytes(client, "twelve bytes");
  SocketSampler sampler({});
  for (const bool with_info : {true, false}) {
    const SocketSampler::Taken taken = must_sample(sampler, with_info);
    for (const TcpSocket& socket : taken.sample.sockets) {
      EXPECT_EQ(socket.idle.has_value(), with_info);
      EXPECT_EQ(socket.bytes_received.has_value(), with_info);
      if (with_info && socket.cookie == testing::cookie_of(server)) {
        EXPECT_EQ(socket.bytes_received, 12U);
        EXPECT_LT(*socket.idle, std::chrono::seconds(10));
      }
    }
  }
}

TEST_F(Sampler, CookieIsTheSocketsOwn) {
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const UniqueFd client = connect_to(local_end(listener));
  SocketSampler sampler({});
  const SocketSampler::Taken taken = must_sample(sampler);
  EXPECT_EQ(
      std::ranges::count(taken.sample.sockets, testing::cookie_of(client), &TcpSocket::cookie), 1);
  ASSERT_EQ(taken.sample.listeners.size(), 1U);
  EXPECT_EQ(taken.sample.listeners[0].cookie, testing::cookie_of(listener));
}

TEST_F(Sampler, ScanShowsListenersAndUdp) {
  const Scene scene;
  for (const bool use_netlink : {true, false}) {
    SocketSampler sampler({.use_netlink = use_netlink});
    const Result<Scan> scan = sampler.scan(kNow);
    ASSERT_TRUE(scan) << scan.error().message;
    EXPECT_THAT(scan->udp, ::testing::UnorderedElementsAreArray(scene.expected_udp()));
    std::vector<std::uint16_t> ports;
    for (const Listener& listener : scan->listeners) ports.push_back(listener.port);
    EXPECT_THAT(ports, ::testing::UnorderedElementsAreArray(scene.listening_ports()));
  }
}

TEST_F(Sampler, ByProcItIsTrustworthyOnLinux) {
  SocketSampler sampler({.use_netlink = false});
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const UniqueFd client = connect_to(local_end(listener));
  const SocketSampler::Taken taken = must_sample(sampler, true);
  EXPECT_EQ(sampler.method(), SampleMethod::kProc);
  EXPECT_EQ(taken.sample.method, SampleMethod::kProc);
  EXPECT_TRUE(taken.sample.confirmed);
  EXPECT_TRUE(sampler.trustworthy()) << "the self-test must pass on this kernel";
  EXPECT_NE(sampler.why_not_better(), "");
  // What the self-test opened is gone again.
  const SocketSampler::Taken again = must_sample(sampler);
  EXPECT_EQ(identities(again.sample.sockets), identities(taken.sample.sockets));
}

TEST_F(Sampler, CountersMoveWithEachConnection) {
  SocketSampler sampler({});
  const UniqueFd listener = listen_on(ip("127.0.0.1"));
  const Result<TcpCounters> before = sampler.counters();
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->current_established, 0U);
  const UniqueFd client = connect_to(local_end(listener));
  const Result<TcpCounters> after = sampler.counters();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->active_opens, before->active_opens + 1);
  EXPECT_EQ(after->passive_opens, before->passive_opens + 1);
  EXPECT_EQ(after->current_established, 2U);
}

TEST_F(Sampler, CountsThousands) {
  const std::size_t pairs = std::min<std::size_t>(4000, (testing::raise_file_limit() - 100) / 2);
  const UniqueFd listener = listen_on(IpAddress(), {.stack = testing::Stack::kDual});
  const std::uint16_t port = local_end(listener).port;
  std::vector<UniqueFd> open;
  for (std::size_t i = 0; i < pairs; ++i) {
    open.push_back(connect_to({ip(i % 2 == 0 ? "127.0.0.1" : "::1"), port}));
    open.push_back(accept_on(listener));
  }
  for (const bool use_netlink : {true, false}) {
    SocketSampler sampler({.use_netlink = use_netlink});
    const SocketSampler::Taken taken = must_sample(sampler, true);
    EXPECT_TRUE(taken.sample.confirmed);
    EXPECT_EQ(taken.sample.sockets.size(), 2 * pairs);
    EXPECT_EQ(std::ranges::count(taken.sample.sockets, port, &TcpSocket::local_port),
              static_cast<std::ptrdiff_t>(pairs));
  }
}

// A child process that opens and aborts connections of its own, in bursts with short pauses, so
// that some samples fall into a burst, some between two, and some on an edge.
class Churn {
 public:
  Churn() : parent_(::getpid()), child_(::fork()) {
    if (child_ == 0) run();
  }
  Churn(const Churn&) = delete;
  Churn& operator=(const Churn&) = delete;
  ~Churn() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  void stop() const {
    ::kill(child_, SIGSTOP);
    ::waitpid(child_, nullptr, WUNTRACED);
  }

 private:
  [[noreturn]] void run() const {
    const UniqueFd listener = listen_on(ip("127.0.0.1"));
    while (::getppid() == parent_) {
      for (int i = 0; i < 50; ++i) {
        const UniqueFd client = connect_to(local_end(listener), ip("127.0.1.1"));
        const UniqueFd server = accept_on(listener);
        if (i % 5 != 0) testing::reset_on_close(client);  // the others go through TIME_WAIT
      }
      ::poll(nullptr, 0, 1);
    }
    ::_exit(0);
  }

  pid_t parent_;
  pid_t child_;
};

// A hash table of its own with few buckets makes the kernel lose its place much more often. Returns
// whether this kernel can do that.
bool enter_network_with_small_hash_table() {
  std::ofstream entries("/proc/sys/net/ipv4/tcp_child_ehash_entries");
  entries << "64" << std::flush;
  return entries.good() && testing::enter_own_network().ok();
}

TEST_F(Sampler, AConfirmedSampleIsExactUnderChurn) {
  RecordProperty("small_hash_table", enter_network_with_small_hash_table() ? "yes" : "no");
  const std::size_t pairs = std::min<std::size_t>(1000, (testing::raise_file_limit() - 100) / 2);
  const UniqueFd stable = listen_on(ip("127.0.0.1"));
  std::vector<UniqueFd> open;
  for (std::size_t i = 0; i < pairs; ++i) {
    open.push_back(connect_to(local_end(stable)));
    open.push_back(accept_on(stable));
  }
  const auto count_stable = [&](const Sample& sample) {
    return static_cast<std::size_t>(
        std::ranges::count(sample.sockets, local_end(stable).port, &TcpSocket::local_port));
  };
  for (const bool use_netlink : {true, false}) {
    const Churn churn;
    SocketSampler sampler({.use_netlink = use_netlink});
    int confirmed = 0;
    int inexact = 0;
    for (int i = 0; i < 100; ++i) {
      const Sample sample = must_sample(sampler).sample;
      const bool exact = count_stable(sample) == pairs;
      ASSERT_TRUE(exact || !sample.confirmed) << count_stable(sample);
      confirmed += sample.confirmed ? 1 : 0;
      inexact += exact ? 0 : 1;
    }
    churn.stop();
    const Sample sample = must_sample(sampler).sample;
    EXPECT_TRUE(sample.confirmed);
    EXPECT_EQ(count_stable(sample), pairs);
    const std::string by = use_netlink ? "_by_netlink" : "_by_proc";
    RecordProperty("confirmed" + by, confirmed);
    RecordProperty("inexact" + by, inexact);
  }
}

// --- What does not work ---

// No file can be opened any more. The sanitizers need some, too: no expectations within.
class NoFilesLeft {
 public:
  NoFilesLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(::dup(0));
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoFilesLeft(const NoFilesLeft&) = delete;
  NoFilesLeft& operator=(const NoFilesLeft&) = delete;
  ~NoFilesLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(Sampler, FallsBackAndComesBackAfterAMinute) {
  SocketSampler sampler({});
  ASSERT_TRUE(sampler.counters()) << "opens its file";
  Result<SocketSampler::Taken> taken = Error{};
  Result<Scan> scan = Error{};
  {
    const NoFilesLeft limit;
    taken = sampler.sample(kNow, false);
    scan = sampler.scan(kNow);
  }
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, ::testing::HasSubstr("dump: "));
  EXPECT_THAT(taken.error().message, ::testing::HasSubstr("proc: "));
  EXPECT_FALSE(scan);
  const TimePoint retry = kNow + SocketSampler::kRetryBetter;
  ASSERT_TRUE(sampler.sample(retry - std::chrono::milliseconds(1), false));
  EXPECT_EQ(sampler.method(), SampleMethod::kProc);
  EXPECT_THAT(sampler.why_not_better(), ::testing::HasSubstr("Too many open files"));
  EXPECT_TRUE(sampler.trustworthy());
  ASSERT_TRUE(sampler.sample(retry, false));
  EXPECT_EQ(sampler.method(), SampleMethod::kDump);
  EXPECT_EQ(sampler.why_not_better(), "");
}

TEST_F(Sampler, GoesOnWithoutFilesWhenItsOwnAreOpen) {
  SocketSampler sampler({});
  must_sample(sampler);
  Result<SocketSampler::Taken> taken = Error{};
  {
    const NoFilesLeft limit;
    taken = sampler.sample(kNow, false);
  }
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(taken->sample.confirmed);
  EXPECT_EQ(sampler.method(), SampleMethod::kDump);
}

TEST_F(Sampler, WithLoopbackDownNetlinkStillWorks) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);  // and lo stays down
  SocketSampler sampler({});
  EXPECT_TRUE(must_sample(sampler).sample.confirmed);
  EXPECT_NE(sampler.method(), SampleMethod::kProc);
}

TEST_F(Sampler, WithoutProcNothingIsKnown) {
  SocketSampler sampler({.proc_root = "/nonexistent"});
  EXPECT_FALSE(sampler.counters());
  EXPECT_FALSE(sampler.sample(kNow, false));
  EXPECT_TRUE(sampler.scan(kNow)) << "this needs netlink only";
  SocketSampler neither({.proc_root = "/nonexistent", .use_netlink = false});
  const Result<SocketSampler::Taken> taken = neither.sample(kNow, false);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, ::testing::HasSubstr("/nonexistent/net/"));
  EXPECT_FALSE(neither.scan(kNow));
}

}  // namespace
}  // namespace drainbow
