#include "drain/count.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/drain/builders.h"
#include "tests/drain/manual_clock.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum ConnectionClass;

CountPolicy listed(std::set<std::uint16_t> ports) { return {.ports = std::move(ports)}; }

// Classifies one connection that is old enough to count.
class Classify : public ::testing::Test {
 protected:
  std::optional<ConnectionClass> class_of(const TcpSocket& socket) {
    return at_age(socket, hours(1));
  }

  std::optional<ConnectionClass> at_age(const TcpSocket& socket, Millis age,
                                        bool from_start = false) {
    CountedPorts ports(policy, restored);
    ports.on_listeners(listeners);
    return classify({.socket = socket, .first_seen = clock.now(), .from_start = from_start}, policy,
                    ports, network, clock.now() + age);
  }

  ManualClock clock;
  CountPolicy policy;
  std::set<std::uint16_t> restored;
  std::vector<Listener> listeners = {listener(kHttp)};
  NetworkIdentity network = pod_network();
};

TEST_F(Classify, EstablishedAndCloseWaitCountWhateverTheirQueues) {
  for (const TcpState state : {TcpState::kEstablished, TcpState::kCloseWait}) {
    for (const std::uint32_t queue : {0U, 1U, 2U}) {
      EXPECT_EQ(class_of(established(1).in(state).sending(queue)), kOpen) << to_string(state);
    }
  }
}

// A sent FIN takes one of the send queue.
TEST_F(Classify, ClosingCountsOnlyWhileDataIsUnsent) {
  for (const TcpState state : {TcpState::kFinWait1, TcpState::kClosing, TcpState::kLastAck}) {
    EXPECT_EQ(class_of(established(1).in(state).sending(0)), std::nullopt) << to_string(state);
    EXPECT_EQ(class_of(established(1).in(state).sending(1)), std::nullopt) << to_string(state);
    EXPECT_EQ(class_of(established(1).in(state).sending(2)), kOpen) << to_string(state);
  }
}

TEST_F(Classify, HalfOpenIsReportedNeverCounted) {
  for (const TcpState state : {TcpState::kSynRecv, TcpState::kNewSynRecv}) {
    EXPECT_EQ(class_of(established(1).in(state).sending(2)), kHalfOpen) << to_string(state);
    EXPECT_FALSE(state_counts(established(1).in(state).sending(2))) << to_string(state);
  }
}

TEST_F(Classify, OtherStatesNeverCount) {
  for (const TcpState state : {TcpState::kSynSent, TcpState::kFinWait2, TcpState::kTimeWait,
                               TcpState::kClose, TcpState::kListen}) {
    EXPECT_EQ(class_of(established(1).in(state).sending(2)), std::nullopt) << to_string(state);
  }
}

TEST_F(Classify, StateOfAFutureKernelCounts) {
  EXPECT_EQ(class_of(established(1).in(static_cast<TcpState>(13))), kOpen);
}

// "Younger than --transient-age = transient": at 1 s it is not younger.
TEST_F(Classify, ComesOfAgeAtTransientAge) {
  EXPECT_EQ(at_age(established(1), seconds(1) - kOneMs), kTransient);
  EXPECT_EQ(at_age(established(1), seconds(1)), kOpen);
  EXPECT_EQ(at_age(established(1), seconds(1) + kOneMs), kOpen);
}

TEST_F(Classify, FirstSampleCountsAtOnce) {
  EXPECT_EQ(at_age(established(1), Millis(0), true), kOpen);
}

TEST_F(Classify, UnacceptedConnectionCounts) {
  Socket in_accept_queue = established(1);
  in_accept_queue.inode = 0;
  EXPECT_EQ(class_of(in_accept_queue), kOpen);
}

TEST_F(Classify, AutoLeavesLoopbackAndOwnAddressesOut) {
  for (const char* peer : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.0.2"}) {
    EXPECT_EQ(class_of(established(1).from(peer)), kLoopback) << peer;
  }
  EXPECT_EQ(class_of(established(1).from("10.1.0.3")), kOpen);
}

TEST_F(Classify, ListCountsLoopbackUnlessToldNotTo) {
  policy = listed({kHttp});
  EXPECT_EQ(class_of(established(1).from("127.0.0.1")), kOpen);
  EXPECT_EQ(class_of(established(1).from(kPod)), kOpen);
  policy.ignore_loopback = true;
  EXPECT_EQ(class_of(established(1).from("127.0.0.1")), kLoopback);
  EXPECT_EQ(class_of(established(1).from(kPod)), kLoopback);
  EXPECT_EQ(class_of(established(1)), kOpen);
}

TEST_F(Classify, IgnoredPeersAreLeftOut) {
  policy.ignored_peers = {cidr("172.16.0.0/12"), cidr("10.1.0.7")};
  EXPECT_EQ(class_of(established(1).from("10.1.0.7")), kIgnored);
  EXPECT_EQ(class_of(established(1).from("172.20.0.1")), kIgnored);
  EXPECT_EQ(class_of(established(1).from("10.1.0.8")), kOpen);
}

// Clients behind a NodePort come from a node's address.
TEST_F(Classify, NodeIsNeverIgnoredForBeingOne) {
  policy.node_ips = {ip("192.168.0.9")};
  EXPECT_EQ(class_of(established(1).from(kNode)), kOpen);
  EXPECT_EQ(class_of(established(1).from("192.168.0.9")), kOpen);
}

TEST_F(Classify, IgnoredPortsAreReportedInBothModes) {
  policy.ignored_ports = {9090};
  EXPECT_EQ(class_of(established(1).on(9090)), kIgnored);
  policy = listed({kHttp});
  policy.ignored_ports = {9090};
  EXPECT_EQ(class_of(established(1).on(9090)), kIgnored);
  EXPECT_EQ(class_of(established(1)), kOpen);
}

TEST_F(Classify, AgentsOwnPortIsNotEvenReported) {
  policy.agent_ports = {9911};
  listeners.push_back(listener(9911));
  EXPECT_EQ(class_of(established(1).on(9911)), std::nullopt);
  EXPECT_EQ(class_of(half_open(1).on(9911)), std::nullopt);
}

TEST_F(Classify, ListHoldsItsPortsAndNoOther) {
  policy = listed({80, 443});
  EXPECT_EQ(class_of(established(1).on(443)), kOpen);
  EXPECT_EQ(class_of(established(1).on(kHttp)), std::nullopt);
  EXPECT_EQ(class_of(half_open(1).on(kHttp)), std::nullopt);
}

TEST_F(Classify, PrecedenceIsHalfOpenThenIgnoredThenLoopbackThenAge) {
  policy.ignored_ports = {9090};
  policy.ignored_peers = {cidr("127.0.0.1")};
  EXPECT_EQ(at_age(half_open(1).on(9090).from("127.0.0.1"), Millis(0)), kHalfOpen);
  EXPECT_EQ(at_age(established(1).from("127.0.0.1"), Millis(0)), kIgnored);
  EXPECT_EQ(at_age(established(1).from("127.0.0.2"), Millis(0)), kLoopback);
  EXPECT_EQ(at_age(established(1).on(9090).from("127.0.0.2"), Millis(0)), kIgnored);
}

// Outbound connections get their port from the range: only a listener tells the two apart.
TEST_F(Classify, EphemeralPortCountsOnlyWithAListener) {
  EXPECT_EQ(class_of(established(1).on(kGrpc)), std::nullopt);
  listeners.push_back(listener(kGrpc));
  EXPECT_EQ(class_of(established(1).on(kGrpc)), kOpen);
}

TEST_F(Classify, PortOutsideTheEphemeralRangeCountsWithoutAListener) {
  listeners.clear();
  EXPECT_EQ(class_of(established(1)), kOpen);
  EXPECT_EQ(class_of(established(1).on(32767)), kOpen);
  EXPECT_EQ(class_of(established(1).on(32768)), std::nullopt);
  EXPECT_EQ(class_of(established(1).on(60999)), std::nullopt);
  EXPECT_EQ(class_of(established(1).on(61000)), kOpen);
}

TEST_F(Classify, RestoredPortCountsWithoutAListener) {
  listeners.clear();
  restored = {kGrpc};
  EXPECT_EQ(class_of(established(1).on(kGrpc)), kOpen);
}

TEST_F(Classify, RestoredPortsMeanNothingToAList) {
  policy = listed({kHttp});
  restored = {kGrpc};
  EXPECT_EQ(class_of(established(1).on(kGrpc)), std::nullopt);
}

TEST(CountedPortsTest, PortStaysCountedAsLongAsAConnectionIsOnIt) {
  const NetworkIdentity network = pod_network();
  CountedPorts ports({}, {});
  ports.on_listeners(std::vector{listener(kGrpc)});
  ports.on_listeners({});
  ports.release_unused({kGrpc});
  EXPECT_TRUE(ports.is_counted(kGrpc, network));
  EXPECT_THAT(ports.known(), ElementsAre(kGrpc));
  ports.release_unused({kHttp});
  EXPECT_FALSE(ports.is_counted(kGrpc, network));
  EXPECT_THAT(ports.known(), IsEmpty());
}

TEST(CountedPortsTest, ListeningPortIsNotReleased) {
  CountedPorts ports({}, {});
  ports.on_listeners(std::vector{listener(kGrpc)});
  ports.release_unused({});
  EXPECT_THAT(ports.known(), ElementsAre(kGrpc));
}

TEST(CountedPortsTest, RemembersThatAPortWasSeenListening) {
  CountedPorts ports({}, {});
  EXPECT_FALSE(ports.ever_seen_listening());
  ports.on_listeners(std::vector{listener(kHttp)});
  ports.on_listeners({});
  EXPECT_TRUE(ports.ever_seen_listening());
}

TEST(CountedPortsTest, AgentsIgnoredAndLoopbackListenersSayNothingOfTheApp) {
  CountedPorts ports({.ignored_ports = {9090}, .agent_ports = {9911}}, {kHttp});
  ports.on_listeners(std::vector{listener(9090), listener(9911), listener(15000, "127.0.0.1")});
  EXPECT_FALSE(ports.ever_seen_listening());
}

TEST(CountedPortsTest, ListWaitsForOneOfItsOwnPorts) {
  CountedPorts ports(listed({443}), {});
  ports.on_listeners(std::vector{listener(kHttp)});
  EXPECT_FALSE(ports.ever_seen_listening());
  ports.on_listeners(std::vector{listener(443, "127.0.0.1")});
  EXPECT_TRUE(ports.ever_seen_listening());
}

// Else the count would be zero for ever, and look like a good one.
TEST(CountedPortsTest, ListedPortThatIsIgnoredTooIsNoCountedPort) {
  CountPolicy policy = listed({kHttp});
  policy.ignored_ports = {kHttp};
  CountedPorts ports(policy, {});
  ports.on_listeners(std::vector{listener(kHttp)});
  EXPECT_FALSE(ports.ever_seen_listening());
  EXPECT_FALSE(ports.is_counted(kHttp, pod_network()));
}

TEST(CountedPortsTest, NamesMeshPortsThatAreNotCounted) {
  const std::vector mesh = {listener(4143), listener(15006), listener(15008)};
  CountedPorts list(listed({kHttp, 15008}), {});
  EXPECT_THAT(list.uncounted_mesh_ports(), IsEmpty());
  list.on_listeners(mesh);
  EXPECT_THAT(list.uncounted_mesh_ports(), ElementsAre(4143, 15006));
  CountedPorts automatic({}, {});
  automatic.on_listeners(mesh);
  EXPECT_THAT(automatic.uncounted_mesh_ports(), IsEmpty());
  CountedPorts ignoring({.ignored_ports = {15006}}, {});
  ignoring.on_listeners(mesh);
  EXPECT_THAT(ignoring.uncounted_mesh_ports(), ElementsAre(15006));
}

TEST(IsNode, IsAGivenAddressOrTheDefaultGateway) {
  const CountPolicy policy{.node_ips = {ip("192.168.0.9")}};
  EXPECT_TRUE(is_node(ip(kNode), policy, pod_network()));
  EXPECT_TRUE(is_node(ip("192.168.0.9"), policy, pod_network()));
  EXPECT_FALSE(is_node(ip(kClient), policy, pod_network()));
}

class Count : public ::testing::Test {
 protected:
  void see(const TcpSocket& socket, Millis age = hours(1)) {
    connections.push_back({.socket = socket, .first_seen = clock.now() - age});
  }
  Counts counts() {
    CountedPorts ports(policy, {});
    ports.on_listeners(std::vector{listener(kHttp), listener(8081)});
    return count(connections, policy, ports, pod_network(), clock.now());
  }

  ManualClock clock;
  CountPolicy policy;
  std::vector<TrackedConnection> connections;
};

TEST_F(Count, IsEmptyAtFirst) {
  EXPECT_EQ(counts().open(), 0U);
  EXPECT_THAT(counts().by_port, IsEmpty());
  EXPECT_THAT(counts().oldest_open, IsEmpty());
  EXPECT_EQ(counts().next_change, std::nullopt);
}

TEST_F(Count, GoesByPortAndClass) {
  policy.ignored_ports = {9090};
  see(established(1));
  see(established(2));
  see(established(3).on(8081));
  see(established(4), Millis(10));
  see(established(5).from("127.0.0.1"));
  see(established(6).on(9090));
  see(half_open(7));
  see(established(8).on(kGrpc));  // outbound
  see(established(9).in(TcpState::kFinWait1).sending(1));
  const Counts now = counts();
  EXPECT_EQ(now.open(), 3U);
  EXPECT_EQ(now.by_port.at(kHttp).of(kOpen), 2U);
  EXPECT_EQ(now.by_port.at(8081).of(kOpen), 1U);
  EXPECT_EQ(now.total.of(kTransient), 1U);
  EXPECT_EQ(now.total.of(kLoopback), 1U);
  EXPECT_EQ(now.by_port.at(9090).of(kIgnored), 1U);
  EXPECT_EQ(now.total.of(kHalfOpen), 1U);
  EXPECT_EQ(now.by_port.size(), 3U);
}

TEST_F(Count, TellsWhoDidNotFinishClosing) {
  see(established(1));
  see(established(2).in(TcpState::kCloseWait));
  see(established(3).in(TcpState::kFinWait1).sending(2));
  see(established(4).in(TcpState::kClosing).sending(2));
  see(established(5).in(TcpState::kLastAck).sending(2));
  see(established(6).in(TcpState::kCloseWait).from("127.0.0.1"));  // not among the open ones
  EXPECT_EQ(counts().open(), 5U);
  EXPECT_EQ(counts().total.close_wait, 1U);
  EXPECT_EQ(counts().by_port.at(kHttp).closing, 3U);
}

TEST_F(Count, KnowsTheOldestOpenOne) {
  see(established(1), minutes(5));
  see(established(2), minutes(9));
  see(established(3), minutes(7));
  see(established(4).from("127.0.0.1"), hours(9));
  EXPECT_EQ(counts().oldest_open.front().first_seen, clock.now() - minutes(9));
}

TEST_F(Count, KnowsWhenTheNextOneComesOfAge) {
  see(established(1), Millis(100));
  see(established(2), Millis(700));
  see(established(3), Millis(400));
  EXPECT_EQ(counts().next_change, clock.now() + Millis(300));
}

RC_GTEST_PROP(CountProperty, TotalIsTheSumOfThePorts, ()) {
  const CountPolicy policy{.ignored_ports = {9090}};
  const ManualClock clock;
  const auto one = rc::gen::build<TrackedConnection>(
      rc::gen::set(&TrackedConnection::socket,
                   rc::gen::build<TcpSocket>(
                       rc::gen::set(&TcpSocket::local_port,
                                    rc::gen::element<std::uint16_t>(80, kHttp, 9090, kGrpc)),
                       rc::gen::set(&TcpSocket::peer,
                                    rc::gen::element(ip(kClient), ip("127.0.0.1"), ip(kNode))),
                       rc::gen::set(&TcpSocket::state,
                                    rc::gen::map(rc::gen::inRange(1, 14),
                                                 [](int n) { return static_cast<TcpState>(n); })),
                       rc::gen::set(&TcpSocket::send_queue, rc::gen::inRange(0U, 4U)))),
      rc::gen::set(&TrackedConnection::first_seen,
                   rc::gen::map(rc::gen::inRange(0, 2000),
                                [&](int ms) { return clock.now() - Millis(ms); })));
  const auto connections = *rc::gen::container<std::vector<TrackedConnection>>(one);
  CountedPorts ports(policy, {});
  ports.on_listeners(std::vector{listener(kHttp)});
  const Counts counts = count(connections, policy, ports, pod_network(), clock.now());
  PortCounts sum;
  for (const auto& [port, of_port] : counts.by_port) {
    for (std::size_t i = 0; i < kConnectionClasses; ++i) sum.by_class[i] += of_port.by_class[i];
    sum.close_wait += of_port.close_wait;
    sum.closing += of_port.closing;
  }
  RC_ASSERT(std::ranges::equal(sum.by_class, counts.total.by_class));
  RC_ASSERT(sum.close_wait == counts.total.close_wait);
  RC_ASSERT(sum.closing == counts.total.closing);
  RC_ASSERT(counts.oldest_open.size() == std::min<std::size_t>(counts.open(), Counts::kOldest));
  RC_ASSERT(counts.next_change.has_value() == (counts.total.of(kTransient) > 0));
}

class UnseenUdp : public ::testing::Test {
 protected:
  std::set<std::uint16_t> unseen(const std::vector<UdpSocket>& sockets) {
    return unseen_udp_ports(sockets, policy, pod_network());
  }
  CountPolicy policy;
};

TEST_F(UnseenUdp, AutoTakesAnUnconnectedSocketOutsideTheEphemeralRangeForAServer) {
  EXPECT_THAT(unseen({udp(443), udp(27015, "::"), udp(32767, kPod), udp(61000)}),
              ElementsAre(443, 27015, 32767, 61000));
}

TEST_F(UnseenUdp, AutoLeavesClientsAndLoopbackOut) {
  EXPECT_THAT(unseen({udp(53, "127.0.0.53"), udp(323, "::1"), udp(32768), udp(60999),
                      udp(5000, kPod, 53), udp(45000, kPod, 53)}),
              IsEmpty());
}

TEST_F(UnseenUdp, ListTakesAnySocketOnItsPorts) {
  policy = listed({443, 45000});
  EXPECT_THAT(unseen({udp(443, "127.0.0.1"), udp(45000, kPod, 53), udp(27015)}),
              ElementsAre(443, 45000));
}

TEST_F(UnseenUdp, IgnoresWhatItIsToldTo) {
  policy.ignored_udp_ports = {443};
  EXPECT_THAT(unseen({udp(443), udp(27015)}), ElementsAre(27015));
  policy.ignore_all_udp = true;
  EXPECT_THAT(unseen({udp(443), udp(27015)}), IsEmpty());
}

TEST(LooksScraped, IsAnExportersOrAMeshsMetricsPort) {
  for (const int port : {9090, 9100, 9999, 15020, 15090}) {
    EXPECT_TRUE(looks_scraped(static_cast<std::uint16_t>(port))) << port;
  }
  for (const int port : {80, 8080, 9089, 10000, 15006, 15021}) {
    EXPECT_FALSE(looks_scraped(static_cast<std::uint16_t>(port))) << port;
  }
}

TEST(ConnectionClassText, IsAMetricLabel) {
  EXPECT_EQ(to_string(kOpen), "open");
  EXPECT_EQ(to_string(kTransient), "transient");
  EXPECT_EQ(to_string(kLoopback), "loopback");
  EXPECT_EQ(to_string(kIgnored), "ignored");
  EXPECT_EQ(to_string(kHalfOpen), "half_open");
  EXPECT_EQ(to_string(static_cast<ConnectionClass>(99)), "unknown");
}

}  // namespace
}  // namespace drainbow
