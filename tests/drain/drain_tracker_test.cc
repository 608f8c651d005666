#include "drain/drain_tracker.h"

#include <gmock/gmock.h>

#include "tests/drain/observed_pod.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using enum Verdict;

TEST(DrainStory, SelectedThenDrainingThenDrainedThenSelectedAgain) {
  ObservedPod pod;
  EXPECT_EQ(pod.verdict(), kUnknown);
  pod.select();
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.see(established(1));
  pod.live(seconds(10));
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.deselect();
  pod.live(hours(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_THAT(pod.reasons(), ElementsAre("open_connections"));
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.select();
  EXPECT_EQ(pod.verdict(), kSelected);
}

TEST(DrainStory, StandbyWhenNeverSelected) {
  ObservedPod pod;
  pod.deselect();
  pod.live(minutes(5));
  EXPECT_EQ(pod.verdict(), kStandby);
  EXPECT_FALSE(pod.status().ever_selected);
  EXPECT_EQ(pod.status().deselected_for, std::nullopt);
}

TEST(DrainStory, DrainedForRunsFromTheVerdict) {
  ObservedPod pod = drained_pod();
  pod.live(seconds(5));
  EXPECT_EQ(pod.status().drained_for, seconds(5));
  pod.see(established(1));
  EXPECT_EQ(pod.status().drained_for, std::nullopt);
  pod.close(1);
  pod.live(seconds(31));
  EXPECT_EQ(pod.status().drained_for, seconds(1));
}

TEST(DrainStory, ThresholdIsAsGoodAsNone) {
  ObservedPod pod = deselected_pod({.threshold = 1});
  pod.see(established(1));
  pod.see(established(2));
  pod.live(hours(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.miss(2);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Ports, ListenerThatClosesKeepsItsConnectionsCounted) {
  ObservedPod pod = deselected_pod();
  pod.listeners = {listener(kGrpc)};
  pod.see(established(1).on(kGrpc));
  pod.listeners.clear();
  pod.live(hours(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.close(1);
  pod.live(seconds(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.see(established(2).on(kGrpc));  // the number now serves an outbound connection
  EXPECT_EQ(pod.verdict(), kDrained);
}

// Else the connection would come back uncounted.
TEST(Ports, UnconfirmedSampleReleasesNone) {
  ObservedPod pod = deselected_pod();
  pod.listeners = {listener(kGrpc)};
  pod.see(established(1).on(kGrpc));
  pod.listeners.clear();
  pod.live(minutes(1));
  pod.sample_that_misses(1);
  pod.live(seconds(40));
  EXPECT_EQ(pod.tracker.open(), 1U);
  EXPECT_EQ(pod.verdict(), kDraining);
}

TEST(Ports, RestoredOnesKeepCounting) {
  ObservedPod pod({}, {.ever_selected = true, .ports = {kGrpc}}, {established(1).on(kGrpc)});
  pod.deselect();
  pod.live(minutes(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_THAT(pod.tracker.persistent().ports, ElementsAre(kHttp, kGrpc));
}

TEST(Confirmation, SocketGoneFromAnUnconfirmedSampleIsNotDrained) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(minutes(1));
  pod.sample_that_misses(1);
  EXPECT_EQ(pod.tracker.open(), 0U);
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_THAT(pod.reasons(), ElementsAre("unconfirmed"));
  EXPECT_TRUE(pod.tracker.wants_confirmation());
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_FALSE(pod.tracker.wants_confirmation());
}

TEST(Confirmation, SocketThatWasOnlyMissedComesBack) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(minutes(1));
  pod.sample_that_misses(1);
  pod.sample();
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.live(minutes(1));
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_EQ(pod.tracker.open(), 1U);
}

// It is no probe, though it comes from the node.
TEST(Confirmation, ConnectionFromTheNodeThatWasOnlyMissedComesBackOfAge) {
  ObservedPod pod = deselected_pod();
  pod.see(from_node(1));
  pod.live(minutes(1));
  pod.sample_that_misses(1);
  pod.sample_that_misses(1);
  pod.sample();
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_EQ(pod.tracker.open(), 1U);
  EXPECT_EQ(pod.status().oldest_age, minutes(1));
  EXPECT_THAT(pod.status().opened_by_port, ElementsAre(Pair(kHttp, 1U)));
}

// Where cookies are made from /proc, the same addresses and ports look like the same connection.
TEST(Confirmation, ConnectionThatIsSurelyGoneDoesNotComeBack) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(minutes(1));
  pod.sample_that_misses(1);
  pod.miss(1);
  EXPECT_EQ(pod.verdict(), kDrained);
  pod.see(established(1));
  EXPECT_EQ(pod.quiet_for(), Millis(0));
}

TEST(Confirmation, IsUndoneWhereANewConnectionMayBeHidden) {
  ObservedPod pod = drained_pod();
  ++pod.passive_opens;
  pod.sample(false);
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_TRUE(pod.tracker.wants_confirmation());
  pod.sample();
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.status().drained_for, Millis(0)) << "nothing happened in between";
}

TEST(Confirmation, IsNotUndoneByOneThatIsKnownToBeGone) {
  ObservedPod pod = drained_pod();
  pod.see(from_node(1));
  pod.destroyed(from_node(1));
  pod.close(1);
  pod.sample(false);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Confirmation, CountIsIncompleteWhileSomeMayOnlyBeMissed) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  EXPECT_TRUE(pod.status().complete);
  pod.sample_that_misses(1);
  EXPECT_FALSE(pod.status().complete);
  EXPECT_FALSE(pod.tracker.count_is_good());
  pod.sample();
  EXPECT_TRUE(pod.status().complete);
}

TEST(Confirmation, MustComeAfterTheQuietPeriod) {
  ObservedPod pod = deselected_pod();
  pod.live(seconds(30) - kOneMs);
  EXPECT_FALSE(pod.tracker.wants_confirmation());
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  EXPECT_TRUE(pod.tracker.wants_confirmation());
  pod.sample(false);
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.tracker.on_unchanged(pod.now());
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kDraining);
  pod.sample(true);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Confirmation, ChurnThatHidesNothingDoesNotUndoIt) {
  ObservedPod pod = drained_pod();
  pod.sample(false);
  EXPECT_EQ(pod.verdict(), kDrained);
}

TEST(Confirmation, IsNotWantedWhileAnythingElseSpeaksAgainstDrained) {
  ObservedPod selected;
  selected.select();
  EXPECT_FALSE(selected.tracker.wants_confirmation());
  ObservedPod busy = deselected_pod();
  busy.see(established(1));
  busy.live(minutes(1));
  EXPECT_FALSE(busy.tracker.wants_confirmation());
}

TEST(Lost, ConnectionsThatEndWithTheirListener) {
  ObservedPod pod = deselected_pod();
  pod.open(established(1));
  pod.open(established(2));
  pod.open(established(3).on(9000));
  pod.live(seconds(5));
  pod.listeners = {listener(kHttp, "::", 2'000'000)};  // the app listens again
  pod.sockets.clear();
  pod.sample();
  EXPECT_EQ(pod.status().lost_total, 2U);
  EXPECT_EQ(pod.verdict(), kDraining);  // not a verdict
  EXPECT_THAT(pod.reasons(), Contains("lost"));
  pod.live(minutes(1));
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_THAT(pod.reasons(), ElementsAre("drained", "lost"));
}

TEST(Lost, ConnectionsThatEndWithin2SecondsAfterTheirListener) {
  for (const auto& [later, lost] :
       {std::pair(seconds(2) - kOneMs, 1U), {seconds(2), 1U}, {seconds(2) + kOneMs, 0U}}) {
    ObservedPod pod = deselected_pod();
    pod.see(established(1));
    pod.live(seconds(5));
    pod.listeners.clear();
    pod.scan();
    pod.clock.advance(later);
    pod.miss(1);
    EXPECT_EQ(pod.status().lost_total, lost) << later.count();
  }
}

TEST(Lost, NotWhileTheListenerLives) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(seconds(5));
  pod.listeners.push_back(listener(kHttp, "::", 2'000'000));  // one more, SO_REUSEPORT
  pod.miss(1);
  EXPECT_EQ(pod.status().lost_total, 0U);
}

TEST(Lost, NotWhileSelected) {
  ObservedPod pod;
  pod.select();
  pod.see(established(1));
  pod.live(seconds(5));
  pod.listeners.clear();
  pod.miss(1);
  EXPECT_EQ(pod.status().lost_total, 0U);
}

TEST(Lost, OnlyWhatWasCounted) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1).from("127.0.0.1"));
  pod.open(established(2));
  pod.sample();
  pod.listeners.clear();
  pod.sockets.clear();
  pod.sample();  // the second was only transient
  EXPECT_EQ(pod.status().lost_total, 0U);
}

TEST(Lost, ReasonSpeaksOfThisDeselectionTheCounterOfAll) {
  ObservedPod pod = deselected_pod();
  pod.see(established(1));
  pod.live(seconds(5));
  pod.listeners.clear();
  pod.miss(1);
  EXPECT_THAT(pod.reasons(), Contains("lost"));
  pod.select();
  EXPECT_THAT(pod.reasons(), Not(Contains("lost")));
  pod.deselect();
  EXPECT_THAT(pod.reasons(), Not(Contains("lost")));
  EXPECT_EQ(pod.status().lost_total, 1U);
}

TEST(Lingering, IsAStateWhoseEndTheCountersDoNotTell) {
  for (const TcpState state : {TcpState::kSynRecv, TcpState::kNewSynRecv, TcpState::kFinWait1,
                               TcpState::kClosing, TcpState::kLastAck}) {
    ObservedPod pod;
    EXPECT_FALSE(pod.tracker.lingering());
    pod.see(established(1).in(state));
    EXPECT_TRUE(pod.tracker.lingering()) << to_string(state);
    pod.miss(1);
    EXPECT_FALSE(pod.tracker.lingering());
  }
}

TEST(Lingering, IsNoneElsewhere) {
  ObservedPod pod;
  pod.open(established(1));
  pod.open(established(2).in(TcpState::kCloseWait));
  pod.open(established(3).in(TcpState::kFinWait1).on(40000));  // outbound
  pod.sample();
  EXPECT_FALSE(pod.tracker.lingering());
}

TEST(Details, OldestComeFirstAndAreBounded) {
  ObservedPod pod;
  for (std::uint64_t cookie = 12; cookie > 0; --cookie) {
    pod.see(established(cookie));
    pod.live(seconds(1));
  }
  pod.see(established(13).from("127.0.0.1"));
  const ConnectionDetails details = pod.tracker.details(pod.now());
  ASSERT_EQ(details.oldest.size(), Counts::kOldest);
  EXPECT_EQ(details.oldest.front().age, seconds(12));
  EXPECT_EQ(details.oldest.back().age, seconds(3));
  EXPECT_EQ(details.oldest.front().peer, ip(kClient));
  EXPECT_EQ(details.oldest.front().peer_port, 40000);
  EXPECT_EQ(details.oldest.front().local_port, kHttp);
  EXPECT_EQ(details.oldest.front().state, TcpState::kEstablished);
}

TEST(Details, IdleTimesAreCountedInSteps) {
  ObservedPod pod;
  pod.with_info = true;
  pod.open(established(1).idle_for(hours(1) - kOneMs));
  pod.open(established(2).idle_for(hours(1)));
  pod.open(established(3).idle_for(hours(6)));
  pod.open(established(4).idle_for(hours(24)));
  pod.open(established(5).idle_for(hours(48)));
  pod.open(established(6).idle_for(hours(48)).from("127.0.0.1"));
  pod.live(seconds(2));
  const ConnectionDetails details = pod.tracker.details(pod.now());
  ASSERT_TRUE(details.idle_over.has_value());
  EXPECT_THAT(*details.idle_over, ElementsAre(4U, 3U, 2U, 1U));
  EXPECT_EQ(details.oldest.at(0).idle, hours(1) - kOneMs);
}

TEST(Details, IdleTimesHold10Seconds) {
  ObservedPod pod;
  EXPECT_EQ(pod.tracker.details(pod.now()).idle_over, std::nullopt);
  pod.with_info = true;
  pod.see(established(1).idle_for(hours(1)));
  pod.with_info = false;
  pod.socket(1).idle.reset();
  pod.live(seconds(10));
  EXPECT_TRUE(pod.tracker.details(pod.now()).idle_over.has_value());
  EXPECT_EQ(pod.tracker.details(pod.now()).oldest.at(0).idle, hours(1));
  pod.live(kOneMs);
  EXPECT_EQ(pod.tracker.details(pod.now()).idle_over, std::nullopt);
  EXPECT_EQ(pod.tracker.details(pod.now()).oldest.at(0).idle, std::nullopt);
}

TEST(Details, ConnectionYoungerThanTheIdleTimesIsIdleForNoStep) {
  ObservedPod pod;
  pod.with_info = true;
  pod.see(established(1).idle_for(hours(7)));
  pod.with_info = false;
  pod.open(established(2));
  pod.live(seconds(3));
  EXPECT_THAT(pod.tracker.details(pod.now()).idle_over.value(), ElementsAre(1U, 1U, 0U, 0U));
}

// /proc has no idle times.
TEST(Details, SampleThatBroughtNoIdleTimesIsNotZero) {
  ObservedPod pod;
  pod.with_info = true;
  pod.open(established(1));
  pod.sample();
  pod.hold(seconds(1));
  EXPECT_EQ(pod.tracker.open(), 1U);
  EXPECT_EQ(pod.tracker.details(pod.now()).idle_over, std::nullopt);
}

TEST(Restart, GoesOnWhereItWas) {
  ObservedPod before = drained_pod();
  const PersistentState state = before.tracker.persistent();
  EXPECT_TRUE(state.ever_selected);
  EXPECT_EQ(state.deselected_at, before.now() - seconds(30));
  EXPECT_THAT(state.ports, ElementsAre(kHttp));

  DrainTracker after({}, "a2", before.now(), state);
  after.on_selection(before.now(),
                     {.state = SelectionState::kDeselected, .proven_at = before.now()});
  EXPECT_EQ(after.status(before.now()).deselected_for, seconds(30));
  EXPECT_EQ(after.status(before.now()).quiet_for, Millis(0));
  EXPECT_EQ(after.status(before.now()).episode, "a2:1");
  EXPECT_EQ(after.persistent(), state);
}

TEST(Restart, WhileSelectedThereIsNoDeselection) {
  ObservedPod pod = drained_pod();
  pod.select();
  EXPECT_EQ(pod.tracker.persistent().deselected_at, std::nullopt);
  EXPECT_TRUE(pod.tracker.persistent().ever_selected);
}

TEST(Restart, ListKeepsNoPorts) {
  TrackerConfig config;
  config.count.ports = {{kHttp}};
  EXPECT_THAT(drained_pod(config).tracker.persistent().ports, IsEmpty());
}

// The wall clock was set back while the agent was down.
TEST(Restart, DeselectionIsNeverInTheFuture) {
  ObservedPod pod({}, {.ever_selected = true, .deselected_at = ManualClock().now() + hours(5)});
  pod.deselect();
  pod.live(seconds(30));
  EXPECT_EQ(pod.verdict(), kDrained);
}

}  // namespace
}  // namespace drainbow
