#include "drain/color_verdict.h"

#include <gmock/gmock.h>

#include "tests/drain/cluster_builders.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum ColorVerdict;

ColorJudgement judged(const Cluster& cluster, const std::string& color = "a",
                      const CleanupConfig& config = keep_none()) {
  return judge_color(color_of(cluster.look, color, config), cluster.look.answers);
}

ColorVerdict verdict(const Cluster& cluster) { return judged(cluster).verdict; }

std::vector<std::string> reason_codes(const Cluster& cluster) {
  return codes(judged(cluster).reasons);
}

// --- the table: each line goes before all below it -----------------------------------------

// Neither selected, nor recorded, with an open connection, without an answer of its other pod.
Cluster everything_wrong() {
  Cluster cluster = two_colors();
  cluster.of("a").last_selected_at = {};
  for (const int i : {0, 1}) cluster.document("a", i).ever_selected = false;
  cluster.document("a", 0).open = 1;
  cluster.answer("a", 1).document.reset();
  cluster.answer("a", 1).problem = "connection refused";
  return cluster;
}

TEST(ColorVerdictTable, Drained) {
  EXPECT_EQ(verdict(two_colors()), kDrained);
  EXPECT_THAT(judged(two_colors()).reasons,
              ElementsAre(Reason{"drained",
                                 "0 open connections in 2 pods, each quiet for long "
                                 "enough"}));
  EXPECT_THAT(judged(two_colors()).episodes, SizeIs(2));
}

TEST(ColorVerdictTable, SelectedGoesFirst) {
  Cluster cluster = everything_wrong();
  cluster.service_named("web").selector["color"] = "a";
  EXPECT_EQ(verdict(cluster), kSelected);
  EXPECT_THAT(judged(cluster).reasons, ElementsAre(Reason{"selected", "selected by web"}));
}

TEST(ColorVerdictTable, UnknownGoesBeforeDraining) {
  EXPECT_EQ(verdict(everything_wrong()), kUnknown);
  EXPECT_THAT(judged(everything_wrong()).reasons,
              ElementsAre(Reason{"silent", "pod web-a-1: connection refused"}));
}

TEST(ColorVerdictTable, DrainingGoesBeforeStandby) {
  Cluster cluster = everything_wrong();
  cluster.answer("a", 1).document = cluster.document("a", 0);
  cluster.document("a", 1).pod_uid = cluster.pod("a", 1).uid;
  EXPECT_EQ(verdict(cluster), kDraining);
  EXPECT_EQ(judged(cluster).open, 2);
}

TEST(ColorVerdictTable, StandbyGoesBeforeEmpty) {
  Cluster cluster = everything_wrong();
  cluster.remove_pods("a");
  EXPECT_EQ(verdict(cluster), kStandby);
}

TEST(ColorVerdictTable, EmptyGoesBeforeDrained) {
  Cluster cluster = two_colors();
  cluster.remove_pods("a");
  EXPECT_EQ(verdict(cluster), kEmpty);
  cluster.of("a").replicas = 0;
  EXPECT_EQ(verdict(cluster), kDrained);
}

// --- standby ---------------------------------------------------------------------------------

TEST(Standby, NeitherTheAnnotationNorAnyPodSaysThatItWasSelected) {
  Cluster cluster = two_colors();
  for (const int i : {0, 1}) cluster.document("a", i).ever_selected = false;
  EXPECT_EQ(verdict(cluster), kDrained);  // the annotation says so
  cluster.of("a").last_selected_at = {};
  EXPECT_EQ(verdict(cluster), kStandby);
  cluster.document("a", 1).ever_selected = true;
  EXPECT_EQ(verdict(cluster), kDrained);
}

// A pod that was replaced after the switch was never selected itself.
TEST(Standby, APodOfAColorThatWasSelectedIsJudgedByItsCount) {
  Cluster cluster = two_colors();
  AgentDocument& replaced = cluster.document("a", 1);
  replaced.ever_selected = false;
  replaced.verdict = Verdict::kStandby;
  replaced.deselected_for.reset();
  EXPECT_EQ(verdict(cluster), kDrained);
  replaced.open = 1;
  EXPECT_EQ(verdict(cluster), kDraining);
  replaced.open = 0;
  replaced.quiet_for = seconds(1);
  EXPECT_EQ(verdict(cluster), kDraining);
}

// --- draining --------------------------------------------------------------------------------

TEST(Draining, TheSumOfAllPodsIsAboveTheThreshold) {
  Cluster cluster = two_colors();
  cluster.of("a").policy.threshold = std::uint64_t{3};
  cluster.document("a", 0).open = 2;
  cluster.document("a", 1).open = 1;
  EXPECT_EQ(verdict(cluster), kDrained);
  cluster.document("a", 1).open = 2;
  EXPECT_EQ(verdict(cluster), kDraining);
  EXPECT_THAT(judged(cluster).reasons,
              ElementsAre(Reason{"open_connections", "pod web-a-0: 2 open connections"},
                          Reason{"open_connections", "pod web-a-1: 2 open connections"}));
}

TEST(Draining, UntilEachPodWasQuietForItsOwnPeriod) {
  Cluster cluster = two_colors();
  AgentDocument& document = cluster.document("a", 1);
  document.quiet_period = minutes(1);
  document.quiet_for = minutes(1) - kOneMs;
  EXPECT_EQ(verdict(cluster), kDraining);
  EXPECT_THAT(judged(cluster).reasons,
              ElementsAre(Reason{"not_quiet", "pod web-a-1: quiet for 59 s of 1 min"}));
  document.quiet_for = minutes(1);
  EXPECT_EQ(verdict(cluster), kDrained);
}

// Not above the threshold, but not quiet either.
TEST(Draining, NotQuietWithAnOpenConnectionThatTheThresholdAllows) {
  Cluster cluster = two_colors();
  cluster.of("a").policy.threshold = std::uint64_t{3};
  cluster.document("a", 1).open = 1;
  cluster.document("a", 1).quiet_for = seconds(2);
  EXPECT_EQ(verdict(cluster), kDraining);
}

// A dump alone is no proof of absence.
TEST(Draining, UntilTheKernelsCountersConfirmTheCount) {
  Cluster cluster = two_colors();
  cluster.document("a", 1).verdict = Verdict::kDraining;
  cluster.document("a", 1).reasons = {{"unconfirmed", "..."}};
  EXPECT_EQ(verdict(cluster), kDraining);
  EXPECT_THAT(reason_codes(cluster), ElementsAre("unconfirmed"));
}

TEST(IgnoreIdle, SetsAsideWhatWasSilentForAtLeastSoLong) {
  Cluster cluster = two_colors();
  cluster.document("a", 0).open = 5;
  cluster.document("a", 0).idle_over = {{4, 3, 2, 1}};  // 1 h, 6 h, 24 h, 48 h
  const auto open_with = [&](std::optional<Millis> ignore_idle) {
    cluster.of("a").policy.ignore_idle = ignore_idle;
    return judged(cluster).open;
  };
  EXPECT_EQ(open_with(std::nullopt), 5);
  EXPECT_EQ(open_with(hours(1)), 1);
  EXPECT_EQ(open_with(hours(1) + kOneMs), 2);  // the next step that is no shorter
  EXPECT_EQ(open_with(hours(24)), 3);
  EXPECT_EQ(open_with(hours(48)), 4);
  EXPECT_EQ(open_with(hours(48) + kOneMs), 5);  // no step is so long
  EXPECT_EQ(judged(cluster).set_aside, 0);
  cluster.document("a", 0).idle_over.reset();
  EXPECT_EQ(open_with(hours(1)), 5);
}

TEST(IgnoreIdle, ADrainedColorOfGhosts) {
  Cluster cluster = two_colors();
  cluster.document("a", 0).open = 5;
  cluster.document("a", 0).verdict = Verdict::kDraining;
  cluster.document("a", 0).idle_over = {{5, 5, 5, 5}};
  EXPECT_EQ(verdict(cluster), kDraining);
  cluster.of("a").policy.ignore_idle = std::optional<Millis>(hours(48));
  EXPECT_EQ(verdict(cluster), kDrained);
  EXPECT_EQ(judged(cluster).set_aside, 5);
  cluster.document("a", 0).idle_over = {{9, 9, 9, 9}};  // more than are open
  EXPECT_EQ(judged(cluster).open, 0);
}

// --- unknown: an answer that is not good -----------------------------------------------------

struct BadAnswer {
  const char* name;
  const char* code;
  void (*spoil)(Cluster&);
};

void PrintTo(const BadAnswer& bad, std::ostream* out) { *out << bad.name; }

class NotAGoodAnswer : public ::testing::TestWithParam<BadAnswer> {};

const BadAnswer kBadAnswers[] = {
    {"NoAgent", "no_agent", [](Cluster& c) { c.pod("a", 1).has_agent = false; }},
    {"NotAsked", "silent", [](Cluster& c) { c.look.answers.erase(c.pod("a", 1).uid); }},
    {"Silent", "silent", [](Cluster& c) { c.answer("a", 1).document.reset(); }},
    {"WrongPod", "wrong_pod", [](Cluster& c) { c.document("a", 1).pod_uid = "uid-web-a-0"; }},
    {"SampleTooOld", "sample_stale",
     [](Cluster& c) {
       c.answer("a", 1).round_trip = Millis(0);
       c.document("a", 1).sample_age = seconds(10) + kOneMs;
     }},
    {"SlowAnswer", "sample_stale", [](Cluster& c) { c.answer("a", 1).round_trip = seconds(10); }},
    {"HeldTooLong", "sample_stale", [](Cluster& c) { c.answer("a", 1).held = seconds(9); }},
    {"NoSample", "sample_stale", [](Cluster& c) { c.document("a", 1).sample_age.reset(); }},
    {"SelectionTooOld", "selection_stale",
     [](Cluster& c) { c.document("a", 1).selection_age = seconds(150) + kOneMs; }},
    {"NoSelection", "selection_stale",
     [](Cluster& c) { c.document("a", 1).selection_age.reset(); }},
    {"SelectionUnknown", "agent_unknown",
     [](Cluster& c) { c.document("a", 1).selection = SelectionState::kUnknown; }},
    {"SelectionDisagrees", "selection_disagrees",
     [](Cluster& c) { c.document("a", 1).selection = SelectionState::kSelected; }},
    {"Incomplete", "agent_unknown", [](Cluster& c) { c.document("a", 1).complete = false; }},
    {"VerdictUnknown", "agent_unknown",
     [](Cluster& c) { c.document("a", 1).verdict = Verdict::kUnknown; }},
    {"NotCounted", "agent_unknown", [](Cluster& c) { c.document("a", 1).open.reset(); }},
    {"NoEpisode", "agent_unknown", [](Cluster& c) { c.document("a", 1).episode.clear(); }},
};

TEST_P(NotAGoodAnswer, IsAVetoThatNamesThePod) {
  Cluster cluster = two_colors();
  GetParam().spoil(cluster);
  EXPECT_EQ(verdict(cluster), kUnknown);
  ASSERT_THAT(reason_codes(cluster), ElementsAre(GetParam().code));
  EXPECT_THAT(judged(cluster).reasons[0].message, HasSubstr("pod web-a-1: "));
  EXPECT_THAT(judged(cluster).episodes, SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(All, NotAGoodAnswer, ::testing::ValuesIn(kBadAnswers),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(GoodAnswer, AtItsLimits) {
  Cluster cluster = two_colors();
  cluster.answer("a", 1).round_trip = seconds(3);
  cluster.answer("a", 1).held = seconds(3);
  cluster.document("a", 1).sample_age = seconds(4);
  cluster.document("a", 1).selection_age = seconds(150);
  EXPECT_EQ(verdict(cluster), kDrained);
  cluster.document("a", 1).sample_age = seconds(4) + kOneMs;
  EXPECT_EQ(verdict(cluster), kUnknown);
  cluster.document("a", 1).sample_age = seconds(4) - kOneMs;
  EXPECT_EQ(verdict(cluster), kDrained);
}

TEST(Unknown, SelectorsOverlap) {
  Cluster cluster = two_colors();
  cluster.of("b").selector.match_labels.erase("color");
  EXPECT_EQ(verdict(cluster), kUnknown);
  EXPECT_THAT(reason_codes(cluster), Contains("selector_overlap"));
}

TEST(Unknown, AnAnnotationCannotBeRead) {
  Cluster cluster = two_colors();
  cluster.of("a").last_selected_at = Error{"'yesterday' is not a UTC time"};
  EXPECT_EQ(verdict(cluster), kUnknown);
  ASSERT_THAT(reason_codes(cluster), ElementsAre("malformed_annotation"));
  EXPECT_THAT(judged(cluster).reasons[0].message, HasSubstr("last-selected-at"));
  cluster = two_colors();
  cluster.of("a").policy.threshold = Error{"'-1'"};
  EXPECT_EQ(verdict(cluster), kUnknown);
}

// --- pods that hold no connection ------------------------------------------------------------

TEST(NoVeto, APodThatHasEnded) {
  for (const PodPhase phase : {PodPhase::kFailed, PodPhase::kSucceeded}) {
    Cluster cluster = two_colors();
    cluster.pod("a", 1).phase = phase;
    cluster.look.answers.erase(cluster.pod("a", 1).uid);
    EXPECT_EQ(verdict(cluster), kDrained);
    EXPECT_THAT(codes(judged(cluster).notes), ElementsAre("over"));
  }
}

TEST(NoVeto, APodOfWhichNoAppContainerEverStarted) {
  Cluster cluster = two_colors();
  cluster.pod("a", 1).app_started = false;
  cluster.look.answers.erase(cluster.pod("a", 1).uid);
  EXPECT_EQ(verdict(cluster), kDrained);
  EXPECT_THAT(codes(judged(cluster).notes), ElementsAre("never_started"));
  cluster.pod("a", 0).app_started = false;
  EXPECT_EQ(verdict(cluster), kEmpty);
}

Cluster never_listened() {
  Cluster cluster = two_colors();
  cluster.pod("a", 1).app_running = false;
  AgentDocument& document = cluster.document("a", 1);
  document.verdict = Verdict::kUnknown;
  document.reasons = {{"no_listener", "no port was seen listening"}};
  document.complete = false;
  document.only_no_listener = true;
  document.no_inbound = true;
  return cluster;
}

// A crash-looping app must not keep its color for ever.
TEST(NoListener, CountsAsZeroIfTheAppDoesNotRunAndNothingIsInbound) {
  EXPECT_EQ(verdict(never_listened()), kDrained);
  EXPECT_THAT(judged(never_listened()).episodes, SizeIs(2));
}

TEST(NoListener, IsAVetoInEveryOtherCase) {
  Cluster cluster = never_listened();
  cluster.pod("a", 1).app_running = true;
  EXPECT_EQ(verdict(cluster), kUnknown);
  EXPECT_THAT(judged(cluster).reasons[0].message, HasSubstr("no port was seen listening"));
  cluster = never_listened();
  cluster.document("a", 1).no_inbound = false;
  EXPECT_EQ(verdict(cluster), kUnknown);
  cluster = never_listened();
  cluster.document("a", 1).only_no_listener = false;
  EXPECT_EQ(verdict(cluster), kUnknown);
  cluster = never_listened();
  cluster.document("a", 1).sample_age = seconds(11);
  EXPECT_EQ(verdict(cluster), kUnknown);
  cluster = never_listened();
  cluster.of("a").last_selected_at = {};
  for (const int i : {0, 1}) cluster.document("a", i).ever_selected = false;
  EXPECT_EQ(verdict(cluster), kUnknown);
}

TEST(ColorVerdictText, IsStable) {
  std::vector<std::string> names;
  for (const ColorVerdict one : kAllColorVerdicts) names.emplace_back(to_string(one));
  EXPECT_THAT(names, ElementsAre("selected", "unknown", "draining", "standby", "empty", "drained"));
  EXPECT_EQ(to_string(static_cast<ColorVerdict>(99)), "unknown");
}

}  // namespace
}  // namespace drainbow
