// DrainTracker's samples: when they count, and when the count is unknown.
#include <gmock/gmock.h>

#include "drain/drain_tracker.h"
#include "tests/drain/observed_pod.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using enum Verdict;

// "A sample counts for 5 s (or 3 ticks)": at 5 s it still does.
TEST(SampleFreshness, Holds5Seconds) {
  ObservedPod pod = drained_pod();
  pod.pass(seconds(5) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("sample_stale"));
  EXPECT_FALSE(pod.status().complete);
  EXPECT_FALSE(pod.tracker.count_is_good());
}

TEST(SampleFreshness, HoldsThreeTicksWhereThatIsLonger) {
  ObservedPod pod = drained_pod({.tick = seconds(2)});
  pod.pass(seconds(6));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
}

TEST(SampleFreshness, UnchangedCountersRenewIt) {
  ObservedPod pod = drained_pod();
  pod.pass(seconds(5));
  pod.tracker.on_unchanged(pod.now());
  pod.pass(seconds(5));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.status().sample_age, seconds(5));
}

TEST(SampleFreshness, UnchangedCountersAreNoSample) {
  ManualClock clock;
  DrainTracker tracker({}, "a1", clock.now(), {.ever_selected = true});
  tracker.on_network(pod_network());
  tracker.on_scan(clock.now(), {.listeners = {listener(kHttp)}, .udp = {}});
  tracker.on_unchanged(clock.now());
  tracker.advance(clock.now());
  EXPECT_FALSE(tracker.status(clock.now()).counted);
  EXPECT_FALSE(tracker.status(clock.now()).complete);
}

// Three scans of 10 s.
TEST(ScanFreshness, Holds30Seconds) {
  ObservedPod pod = drained_pod();
  const auto keep_sampling = [&](Millis time) {
    pod.clock.advance(time);
    pod.sample();
  };
  keep_sampling(seconds(30) - kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  keep_sampling(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  keep_sampling(kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("scan_stale"));
}

TEST(ScanFreshness, HoldsThreeTicksWhereThatIsLonger) {
  ObservedPod pod = drained_pod({.tick = seconds(20)});
  pod.pass(minutes(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.pass(kOneMs);
  EXPECT_THAT(pod.reasons(), Contains("scan_stale"));
}

TEST(TrackedCount, OneFailureIsUnknownAndHeals) {
  ObservedPod pod = drained_pod();
  const std::string before = pod.episode();
  pod.fail();
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("sample_failed"));
  EXPECT_THAT(pod.status().reasons.at(0).message, HasSubstr("no luck"));
  pod.sample();
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.fail();
  pod.tracker.on_unchanged(pod.now());
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.episode(), before);
}

TEST(TrackedCount, IsUnknownWithoutSampleOrScan) {
  ManualClock clock;
  DrainTracker tracker({.quiet_period = Millis(0)}, "a1", clock.now(), {.ever_selected = true});
  tracker.on_network(pod_network());
  tracker.on_selection(clock.now(),
                       {.state = SelectionState::kDeselected, .proven_at = clock.now()});
  const auto verdict = [&] { return tracker.advance(clock.now()), tracker.verdict(); };
  EXPECT_EQ(verdict(), kUnknown);
  EXPECT_THAT(codes(tracker.status(clock.now()).reasons), ElementsAre("no_sample"));
  EXPECT_FALSE(tracker.status(clock.now()).counted);
  tracker.on_sample(clock.now(), {.listeners = {listener(kHttp)}, .confirmed = true}, false);
  EXPECT_EQ(verdict(), kUnknown);
  EXPECT_THAT(codes(tracker.status(clock.now()).reasons), ElementsAre("no_sample"));
  tracker.on_scan(clock.now(), {.listeners = {listener(kHttp)}, .udp = {}});
  EXPECT_EQ(verdict(), kDrained);
}

TEST(TrackedCount, IsUnknownWhereNoCountedPortWasSeenListening) {
  TrackerConfig config;
  config.count.ports = {{443, 8443}};
  ObservedPod listed(config, {.ever_selected = true});
  listed.deselect();
  EXPECT_FALSE(listed.tracker.port_seen());
  EXPECT_THAT(listed.reasons(), ElementsAre("no_listener"));
  EXPECT_THAT(listed.status().reasons.at(0).message, HasSubstr("443, 8443"));
  listed.listeners = {listener(443)};
  listed.scan();
  EXPECT_TRUE(listed.tracker.port_seen());
  listed.listeners.clear();
  listed.live(seconds(30));
  EXPECT_EQ(listed.verdict(), kDrained);
}

TEST(TrackedCount, NoListenerAtAllIsNotZero) {
  TrackerConfig config;
  config.count.ignored_ports = {kHttp};
  ObservedPod pod = drained_pod(config);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("no_listener"));
}

TEST(TrackedCount, IsUnknownWhereAMeshPortIsNotCounted) {
  TrackerConfig config;
  config.count.ports = {{kHttp}};
  ObservedPod pod = drained_pod(config);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.listeners.push_back(listener(15006));
  pod.look();
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("mesh_port_not_counted"));
}

TEST(TrackedCount, IsUnknownWithAUdpServer) {
  ObservedPod pod = drained_pod();
  pod.udp = {udp(443)};
  pod.look();
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("udp_unsupported"));
  pod.udp.clear();
  pod.look();
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(TrackedCount, IsUnknownOnTheHostNetwork) {
  TrackerConfig config;
  config.count.node_ips = {ip("192.168.0.9"), ip(kPod)};
  ObservedPod pod = drained_pod(config);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("host_network"));
}

TEST(TrackedCount, IsUnknownWithoutThePodsAddresses) {
  ObservedPod pod = drained_pod();
  pod.tracker.on_network_error(Error{"rtnetlink: no buffer space"});
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.status().reasons,
              ElementsAre(Reason{"network_unknown", "rtnetlink: no buffer space"}));
  pod.tracker.on_network(pod_network());
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.verdict(), kDrained);
  DrainTracker fresh({}, "a1", pod.now(), {});
  fresh.on_selection(pod.now(), {.state = SelectionState::kSelected, .proven_at = pod.now()});
  fresh.advance(pod.now());
  EXPECT_THAT(codes(fresh.status(pod.now()).reasons), Contains("network_unknown"));
}

TEST(TrackedCount, IsUnknownWhereProcHidesConnections) {
  ObservedPod pod = drained_pod();
  pod.tracker.set_trustworthy(false);
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.reasons(), ElementsAre("proc_incomplete"));
}

TEST(TrackedCount, FollowsAChangeOfThePodsAddresses) {
  ObservedPod pod = drained_pod();
  pod.see(established(1).from("10.1.0.99"));
  pod.live(seconds(5));
  EXPECT_EQ(pod.tracker.open(), 1U);
  NetworkIdentity network = pod_network();
  network.own_addresses.push_back(ip("10.1.0.99"));
  pod.tracker.on_network(network);
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.tracker.open(), 0U);
  pod.tracker.on_network(pod_network());
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.tracker.open(), 1U);
}

TEST(TrackedCount, TransientComesOfAgeWhileTheSetHolds) {
  ObservedPod pod;
  pod.see(established(1));
  pod.hold(seconds(1) - kOneMs);
  EXPECT_EQ(pod.tracker.open(), 0U);
  pod.hold(kOneMs);
  EXPECT_EQ(pod.tracker.open(), 1U);
}

TEST(TrackedCount, FailedScanIsUnknownUntilOneSucceeds) {
  ObservedPod pod = drained_pod();
  pod.tracker.on_scan_error(Error{"no luck"});
  pod.sample();
  EXPECT_EQ(pod.verdict(), kUnknown) << "a sample tells nothing of UDP";
  EXPECT_THAT(pod.reasons(), Contains("scan_failed"));
  pod.look();
  EXPECT_EQ(pod.verdict(), kDrained);
}

// An agent that was stopped for a while must not take a request that is long over for a session.
TEST(TrackedCount, TransientDoesNotComeOfAgeWhileNobodyLooks) {
  ObservedPod pod = drained_pod();
  pod.see(from_node(1));
  pod.pass(seconds(3));
  EXPECT_EQ(pod.tracker.open(), 0U);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(TrackedCount, FirstSampleCountsAtOnce) {
  const ObservedPod pod({}, {}, {established(1), from_node(2)});
  EXPECT_EQ(pod.tracker.open(), 2U);
  EXPECT_THAT(pod.status().opened_by_port, IsEmpty());
  EXPECT_EQ(pod.tracker.last_reset(), std::nullopt);
}

TEST(TrackedCount, AgeRunsFromTheFirstSight) {
  ObservedPod pod;
  pod.see(established(1));
  pod.live(minutes(3));
  pod.see(established(2));
  pod.socket(1).state = TcpState::kCloseWait;
  pod.live(minutes(2));
  EXPECT_EQ(pod.status().oldest_age, minutes(5));
  EXPECT_EQ(pod.status().counts.total.close_wait, 1U);
}

TEST(TrackedCount, OpensAreCountedByPort) {
  ObservedPod pod;
  pod.listeners.push_back(listener(8081));
  pod.open(established(1));
  pod.open(established(2).on(8081));
  pod.open(established(3).on(8081));
  pod.open(established(4).on(8081).from("127.0.0.1"));
  pod.open(half_open(5));
  pod.live(seconds(3));
  EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 1U), Pair(8081, 2U)));
  pod.socket(5).state = TcpState::kEstablished;
  pod.live(seconds(3));
  EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 2U), Pair(8081, 2U)));
}

TEST(TrackedCount, MergesSamplesInAnyOrder) {
  ObservedPod pod;
  pod.sockets = {established(5), established(1), established(3)};
  pod.live(seconds(2));
  pod.sockets = {established(4), established(5), established(2)};
  pod.live(seconds(2));
  EXPECT_EQ(pod.tracker.open(), 3U);
  EXPECT_EQ(pod.status().opened_by_port.at(kHttp), 5U);
  EXPECT_EQ(pod.status().oldest_age, seconds(3));
}

TEST(TrackedCount, SampleMethodIsShown) {
  ObservedPod pod;
  pod.tracker.on_sample(pod.now(), {.method = SampleMethod::kProc}, false);
  EXPECT_EQ(pod.status().sample_method, SampleMethod::kProc);
}

}  // namespace
}  // namespace drainbow
