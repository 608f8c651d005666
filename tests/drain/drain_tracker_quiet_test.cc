// DrainTracker's quiet clock, what restarts it, and the episodes that tell of it.
#include <gmock/gmock.h>

#include "drain/drain_tracker.h"
#include "tests/drain/observed_pod.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using enum Verdict;

TEST(Quiet, RunsFromTheDeselection) {
  ObservedPod pod = deselected_pod();
  pod.live(seconds(30) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_THAT(pod.reasons(), ElementsAre("not_quiet"));
  pod.live(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, RunsFromTheAgentsStart) {
  ObservedPod pod({}, {.ever_selected = true, .deselected_at = TimePoint()});
  pod.deselect();
  pod.live(seconds(30) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.live(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, RunsFromANewConnection) {
  ObservedPod pod = drained_pod();
  pod.see(established(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.close(1);
  pod.live(seconds(30) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.live(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, EveryFurtherConnectionRestartsIt) {
  ObservedPod pod = deselected_pod();
  for (std::uint64_t cookie = 1; cookie < 10; ++cookie) {
    pod.see(established(cookie));
    EXPECT_EQ(pod.quiet_for(), Millis(0));
    pod.live(seconds(20));
  }
}

TEST(Quiet, CloseNeverRestartsIt) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.see(established(2));
  pod.live(seconds(40));
  pod.miss(1);
  pod.socket(2).state = TcpState::kCloseWait;
  pod.sample();
  pod.destroyed(established(1));
  pod.destroyed(established(2));
  pod.miss(2);
  EXPECT_EQ(pod.quiet_for(), seconds(40));
  EXPECT_EQ(pod.verdict(), kDrained);
}

// kubelet probes come from the node.
TEST(Quiet, ConnectionFromTheNodeRestartsItOnlyWhenItIsOfAge) {
  ObservedPod pod = drained_pod();
  pod.see(from_node(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.quiet_for(), seconds(30));
  pod.hold(seconds(1) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.hold(kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_EQ(pod.quiet_for(), Millis(0));
  pod.pass(kOneMs);
  EXPECT_EQ(pod.quiet_for(), kOneMs);
}

TEST(Quiet, GivenNodeAddressIsTheNodeToo) {
  TrackerConfig config;
  config.count.node_ips = {ip("192.168.0.9")};
  ObservedPod pod = drained_pod(config);
  pod.see(established(1).from("192.168.0.9"));
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, ProbesNeverRestartIt) {
  ObservedPod pod = deselected_pod();
  for (std::uint64_t cookie = 1; cookie < 60; ++cookie) {
    pod.live(Millis(500));
    pod.see(from_node(cookie));
    pod.live(Millis(500));
    pod.miss(cookie);
  }
  pod.live(seconds(1));
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, ConnectionsThatDoNotCountDoNotRestartIt) {
  TrackerConfig config;
  config.count.ignored_ports = {9090};
  config.count.ignored_peers = {cidr("10.9.0.0/16")};
  ObservedPod pod = drained_pod(config);
  pod.open(established(1).on(9090));
  pod.open(established(2).from("10.9.1.1"));
  pod.open(established(3).from("127.0.0.1"));
  pod.open(established(4).on(40000));
  pod.open(half_open(5));
  pod.live(seconds(5));
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Quiet, HalfOpenStartsItsLifeWhenEstablished) {
  ObservedPod pod = drained_pod();
  pod.see(half_open(1));
  pod.live(seconds(5));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.status().counts.total.of(ConnectionClass::kHalfOpen), 1U);
  pod.socket(1).state = TcpState::kEstablished;
  pod.sample();
  EXPECT_EQ(pod.quiet_for(), Millis(0));
  EXPECT_EQ(pod.status().counts.total.of(ConnectionClass::kTransient), 1U);
}

TEST(Quiet, HalfOpenInTheFirstSampleIsNotFromTheStart) {
  ObservedPod pod({}, {.ever_selected = true}, {half_open(1)});
  pod.deselect();
  pod.live(seconds(30));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.socket(1).state = TcpState::kEstablished;
  pod.sample();
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_EQ(pod.quiet_for(), Millis(0));
}

// It came and went between two samples, but for the FIN.
TEST(Quiet, ConnectionFirstSeenWhileClosingRestartsIt) {
  for (const TcpState state : {TcpState::kFinWait1, TcpState::kClosing, TcpState::kLastAck}) {
    ObservedPod pod = drained_pod();
    pod.see(established(1).in(state).sending(1));
    EXPECT_EQ(pod.quiet_for(), Millis(0));
    EXPECT_EQ(pod.tracker.open(), 0U);
    EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 1U)));
  }
}

TEST(Quiet, ProbeFirstSeenWhileClosingDoesNot) {
  ObservedPod pod = drained_pod();
  Socket probe = from_node(1);
  probe.state = TcpState::kLastAck;
  probe.send_queue = 1;
  pod.see(probe);
  pod.live(seconds(5));
  EXPECT_EQ(pod.verdict(), kDrained);
}

// A later first sample: nobody looked before it.
TEST(Quiet, RunsFromTheFirstSampleAtTheEarliest) {
  ManualClock clock;
  DrainTracker tracker({}, "a1", clock.now(), {.ever_selected = true});
  clock.advance(minutes(1));
  tracker.on_sample(clock.now(), {}, false);
  EXPECT_EQ(tracker.status(clock.now()).quiet_for, Millis(0));
}

TEST(Quiet, NewListenerMakesItsConnectionsCount) {
  ObservedPod pod = drained_pod();
  pod.see(established(1).on(kGrpc));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.listeners.push_back(listener(kGrpc));
  pod.scan();
  EXPECT_EQ(pod.quiet_for(), Millis(0));
}

TEST(Destroyed, UnseenConnectionRestartsQuiet) {
  ObservedPod pod = drained_pod();
  pod.pass(Millis(500));
  pod.destroyed(established(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_EQ(pod.quiet_for(), Millis(0));
  EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 1U)));
}

TEST(Destroyed, ConnectionThatDoesNotCountChangesNothing) {
  TrackerConfig config;
  config.count.ignored_ports = {9090};
  config.count.ignored_peers = {cidr("10.9.0.0/16")};
  ObservedPod pod = drained_pod(config);
  pod.destroyed(established(1).on(9090));
  pod.destroyed(established(2).from("10.9.1.1"));
  pod.destroyed(established(3).from("127.0.0.1"));
  pod.destroyed(established(4).on(40000));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_THAT(pod.status().opened_by_port, IsEmpty());
}

TEST(Destroyed, KnownConnectionIsOnlyAClose) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(seconds(40));
  pod.destroyed(established(1));
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.destroyed(established(1));  // never twice; if it were, it would be news
  EXPECT_EQ(pod.verdict(), kDraining);
}

// FIN_WAIT2 and TIME_WAIT are not sampled: the notification comes later.
TEST(Destroyed, DepartedConnectionIsOnlyAClose) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(seconds(40));
  pod.miss(1);
  pod.live(seconds(5));
  pod.destroyed(established(1));
  EXPECT_EQ(pod.verdict(), kDrained);
}

// A failed handshake is not notified.
TEST(Destroyed, HalfOpenOneHadBeenEstablished) {
  ObservedPod pod = drained_pod();
  pod.see(half_open(1));
  pod.destroyed(established(1));
  EXPECT_EQ(pod.quiet_for(), Millis(0));
  EXPECT_EQ(pod.verdict(), kDraining);
}

TEST(Destroyed, HalfOpenOneHadBeenEstablishedEvenIfASampleMissedItFirst) {
  ObservedPod pod = drained_pod();
  pod.see(half_open(1));
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.destroyed(established(1));
  EXPECT_EQ(pod.verdict(), kDraining);
}

TEST(Destroyed, UnseenProbeFromTheNodeChangesNothing) {
  ObservedPod pod = drained_pod();
  pod.pass(Millis(900));
  pod.destroyed(from_node(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 1U)));
}

// Longer unseen than a tick and the transient age: it may have been of age.
TEST(Destroyed, UnseenOneFromTheNodeAfterAGapRestartsQuiet) {
  ObservedPod pod = drained_pod();
  pod.pass(seconds(2));
  pod.destroyed(from_node(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.pass(kOneMs);
  pod.destroyed(from_node(2));
  EXPECT_EQ(pod.verdict(), kDraining);
}

TEST(Destroyed, UnseenOneFromTheNodeBeforeTheFirstSampleRestartsQuiet) {
  ManualClock clock;
  DrainTracker tracker({}, "a1", clock.now(), {});
  tracker.on_network(pod_network());
  tracker.on_destroyed(clock.advance(kOneMs), from_node(1));
  EXPECT_EQ(tracker.last_reset(), clock.now());
}

// Notifications are read once a tick: how long it lived is not known, and most are probes.
TEST(Destroyed, ProbeThatASampleSawIsOnlyAClose) {
  ObservedPod pod = drained_pod();
  pod.see(from_node(1));
  pod.clock.advance(seconds(1));
  pod.tracker.on_destroyed(pod.now(), from_node(1));
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Destroyed, RemembersTheLatestDepartures) {
  ObservedPod pod;
  pod.select();
  // Nobody listens to notifications while the pod is selected: these are never told of.
  for (std::uint64_t cookie = 100; cookie < 101 + DrainTracker::kMostDeparted; ++cookie) {
    pod.sockets = {established(1), established(cookie)};
    pod.sample();
  }
  pod.deselect();
  pod.live(seconds(30));
  pod.sockets.clear();
  pod.sample();
  pod.destroyed(established(1));
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Destroyed, LostNotificationsRestartQuiet) {
  ObservedPod pod = drained_pod();
  const std::string before = pod.episode();
  pod.tracker.on_unseen_opens(pod.now());
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_NE(pod.episode(), before);
}

TEST(Episode, BeginsWithTheAgentsOwnId) { EXPECT_EQ(ObservedPod().episode(), "a1:1"); }

TEST(Episode, RisesWhenTheCountRisesAboveTheThreshold) {
  ObservedPod pod({.threshold = 1}, {}, {established(1)});
  const std::string below = pod.episode();
  // Aged before the tracker's eyes: no new sight, only a new count.
  pod.see(from_node(2));
  EXPECT_EQ(pod.episode(), below);
  pod.hold(seconds(1));
  EXPECT_NE(pod.episode(), below);
}

TEST(Episode, RisesWithTheCountEvenWithoutANewConnection) {
  NetworkIdentity network = pod_network();
  network.own_addresses.push_back(ip(kClient));
  ObservedPod pod({}, {}, {established(1)});
  pod.tracker.on_network(network);
  pod.tracker.advance(pod.now());
  const std::string before = pod.episode();
  EXPECT_EQ(pod.tracker.open(), 0U);
  pod.tracker.on_network(pod_network());
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.tracker.open(), 1U);
  EXPECT_EQ(pod.tracker.last_reset(), std::nullopt);
  EXPECT_NE(pod.episode(), before);
}

TEST(Episode, RisesWithEveryNewConnection) {
  ObservedPod pod({}, {}, {established(1)});
  const std::string before = pod.episode();
  pod.see(established(2));
  EXPECT_NE(pod.episode(), before);
}

TEST(Episode, RisesWithTheDeselection) {
  ObservedPod pod;
  pod.select();
  const std::string before = pod.episode();
  pod.deselect();
  EXPECT_NE(pod.episode(), before);
}

TEST(Episode, StaysWhenNothingHappens) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(seconds(2));
  const std::string before = pod.episode();
  pod.live(hours(2));     // time
  pod.miss(1);            // a close
  pod.see(from_node(2));  // a probe
  pod.miss(2);
  pod.destroyed(from_node(3));
  pod.fail();  // unknown
  pod.sample();
  pod.report({});
  pod.deselect();
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.episode(), before);
}

}  // namespace
}  // namespace drainbow
