#include "drain/verdict.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/drain/builders.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using enum Verdict;

Counts open_on(std::uint16_t port, std::uint64_t number) {
  Counts counts;
  counts.by_port[port].by_class[0] = number;
  counts.total.by_class[0] = number;
  return counts;
}

// Everything speaks for drained.
PodFacts drained_facts() {
  return {.selection = SelectionState::kDeselected,
          .ever_selected = true,
          .quiet_for = seconds(30),
          .quiet_period = seconds(30),
          .confirmed_after_quiet = true};
}

PodFacts with_everything_wrong() {
  PodFacts facts = drained_facts();
  facts.count_problems = {{"sample_failed", "no luck"}};
  facts.counts = open_on(kHttp, 1);
  facts.quiet_for = seconds(0);
  facts.confirmed_after_quiet = false;
  return facts;
}

std::string message(const PodFacts& facts) { return judge(facts).reasons.at(0).message; }

TEST(VerdictTable, DrainedWhenNothingSpeaksAgainstIt) {
  const Judgement judgement = judge(drained_facts());
  EXPECT_EQ(judgement.verdict, kDrained);
  EXPECT_THAT(judgement.reasons,
              ElementsAre(Reason{"drained", "no connection is open, and none came for 30 s"}));
}

// Each line goes before all below it: the facts of those speak against it in vain.
TEST(VerdictTable, SelectedGoesFirst) {
  PodFacts facts = with_everything_wrong();
  facts.selection = SelectionState::kSelected;
  facts.ever_selected = false;
  facts.services = {"web", "web-canary"};
  EXPECT_EQ(judge(facts).verdict, kSelected);
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("selected", "sample_failed"));
  EXPECT_EQ(message(facts), "selected by web, web-canary");
  facts.services.clear();
  EXPECT_EQ(message(facts), "selected");
}

TEST(VerdictTable, UnknownSelectionGoesBeforeStandby) {
  PodFacts facts = with_everything_wrong();
  facts.selection = SelectionState::kUnknown;
  facts.ever_selected = false;
  facts.selection_problem = "the watch broke";
  EXPECT_EQ(judge(facts).verdict, kUnknown);
  EXPECT_THAT(judge(facts).reasons, ElementsAre(Reason{"selection_unknown", "the watch broke"}));
}

TEST(VerdictTable, StandbyGoesBeforeUnknownCount) {
  PodFacts facts = with_everything_wrong();
  facts.ever_selected = false;
  EXPECT_EQ(judge(facts).verdict, kStandby);
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("never_selected", "sample_failed"));
}

TEST(VerdictTable, UnknownCountGoesBeforeDraining) {
  PodFacts facts = with_everything_wrong();
  facts.count_problems.push_back({"udp_unsupported", "port 443"});
  EXPECT_EQ(judge(facts).verdict, kUnknown);
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("sample_failed", "udp_unsupported"));
}

TEST(VerdictTable, DrainingAboveTheThreshold) {
  PodFacts facts = drained_facts();
  facts.threshold = 2;
  facts.counts = open_on(kHttp, 3);
  EXPECT_EQ(judge(facts).verdict, kDraining);
  EXPECT_EQ(message(facts), "3 open connections on port 8080 (3), threshold 2");
  facts.counts = open_on(kHttp, 2);
  EXPECT_EQ(judge(facts).verdict, kDrained);
  EXPECT_THAT(message(facts), HasSubstr("2 open connections are within the threshold of 2"));
  facts.counts = open_on(kHttp, 1);
  EXPECT_THAT(message(facts), HasSubstr("1 open connection is within"));
}

// "quiet for less than --quiet-period" is draining: at 30 s it is not less.
TEST(VerdictTable, DrainingUntilTheQuietPeriodIsOver) {
  PodFacts facts = drained_facts();
  facts.quiet_for = seconds(30) - kOneMs;
  EXPECT_EQ(judge(facts).verdict, kDraining);
  EXPECT_THAT(judge(facts).reasons, ElementsAre(Reason{"not_quiet", "quiet for 29 s of 30 s"}));
  facts.quiet_for = seconds(30);
  EXPECT_EQ(judge(facts).verdict, kDrained);
  facts.quiet_for = seconds(30) + kOneMs;
  EXPECT_EQ(judge(facts).verdict, kDrained);
}

TEST(VerdictTable, DrainingUntilASampleConfirmsIt) {
  PodFacts facts = drained_facts();
  facts.confirmed_after_quiet = false;
  EXPECT_EQ(judge(facts).verdict, kDraining);
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("unconfirmed"));
}

TEST(VerdictTable, OnlyOpenOnesCount) {
  PodFacts facts = drained_facts();
  for (std::size_t i = 1; i < kConnectionClasses; ++i) facts.counts.total.by_class[i] = 5;
  EXPECT_EQ(judge(facts).verdict, kDrained);
}

TEST(VerdictReasons, OpenAndNotQuietAreBothSaid) {
  PodFacts facts = drained_facts();
  facts.counts = open_on(kHttp, 1);
  facts.quiet_for = Millis(850);
  EXPECT_THAT(judge(facts).reasons,
              ElementsAre(Reason{"open_connections", "1 open connection on port 8080 (1)"},
                          Reason{"not_quiet", "quiet for 850 ms of 30 s"}));
}

TEST(VerdictReasons, SocketsThatDoNotFinishClosingHaveTheirOwn) {
  PodFacts facts = drained_facts();
  facts.counts = open_on(kHttp, 4);
  facts.counts.total.close_wait = 3;
  facts.counts.total.closing = 1;
  EXPECT_THAT(codes(judge(facts).reasons),
              ElementsAre("open_connections", "close_wait", "closing"));
  EXPECT_THAT(judge(facts).reasons[1].message, HasSubstr("the app never closed 3 sockets"));
}

TEST(VerdictReasons, PortThatLooksScrapedIsNamed) {
  PodFacts facts = drained_facts();
  facts.counts = open_on(9100, 1);
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("open_connections", "looks_scraped"));
  EXPECT_THAT(judge(facts).reasons[1].message, HasSubstr("9100"));
  facts.counts = open_on(kHttp, 1);
  facts.counts.by_port[9100] = {};  // a scraper that is ignored
  EXPECT_THAT(codes(judge(facts).reasons), ElementsAre("open_connections"));
}

TEST(VerdictReasons, BusiestPortsComeFirstAndAreBounded) {
  PodFacts facts = drained_facts();
  for (std::uint16_t i = 0; i < 7; ++i) {
    facts.counts.by_port[static_cast<std::uint16_t>(8000 + i)].by_class[0] = i < 2 ? 1 : i;
    facts.counts.total.by_class[0] += i < 2 ? 1 : i;
  }
  EXPECT_EQ(message(facts),
            "22 open connections on port 8006 (6), 8005 (5), 8004 (4), 8003 (3), 8002 (2), ...");
  facts.counts = open_on(8001, 1);
  facts.counts.by_port[8000].by_class[0] = 1;
  EXPECT_THAT(message(facts), HasSubstr("8000 (1), 8001 (1)"));
}

// Unknown is never zero, and never authorises anything.
RC_GTEST_PROP(VerdictProperty, DoubtNeverGivesDrained, ()) {
  PodFacts facts;
  facts.selection = *rc::gen::element(SelectionState::kUnknown, SelectionState::kSelected,
                                      SelectionState::kDeselected);
  facts.ever_selected = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) facts.count_problems = {{"some_problem", "x"}};
  facts.counts = open_on(kHttp, *rc::gen::inRange<std::uint64_t>(0, 4));
  facts.threshold = *rc::gen::inRange<std::uint64_t>(0, 4);
  facts.quiet_for = Millis(*rc::gen::inRange(0, 4));
  facts.quiet_period = Millis(*rc::gen::inRange(0, 4));
  facts.confirmed_after_quiet = *rc::gen::arbitrary<bool>();

  const Judgement judgement = judge(facts);
  const bool may_go = facts.selection == SelectionState::kDeselected && facts.ever_selected &&
                      facts.count_problems.empty() && facts.counts.open() <= facts.threshold &&
                      facts.quiet_for >= facts.quiet_period && facts.confirmed_after_quiet;
  RC_ASSERT((judgement.verdict == kDrained) == may_go);
  RC_ASSERT((judgement.verdict == kSelected) == (facts.selection == SelectionState::kSelected));
  RC_ASSERT((judgement.verdict == kStandby) ==
            (facts.selection == SelectionState::kDeselected && !facts.ever_selected));
  RC_ASSERT(!judgement.reasons.empty());
}

TEST(ForPeople, UsesTheTwoLargestUnits) {
  EXPECT_EQ(for_people(Millis(0)), "0 ms");
  EXPECT_EQ(for_people(Millis(999)), "999 ms");
  EXPECT_EQ(for_people(seconds(1)), "1 s");
  EXPECT_EQ(for_people(seconds(60) - kOneMs), "59 s");
  EXPECT_EQ(for_people(seconds(60)), "1 min");
  EXPECT_EQ(for_people(seconds(303)), "5 min 3 s");
  EXPECT_EQ(for_people(hours(1) - kOneMs), "59 min 59 s");
  EXPECT_EQ(for_people(hours(1)), "1 h");
  EXPECT_EQ(for_people(minutes(200)), "3 h 20 min");
  EXPECT_EQ(for_people(hours(24) - kOneMs), "23 h 59 min");
  EXPECT_EQ(for_people(hours(24)), "1 d");
  EXPECT_EQ(for_people(hours(52)), "2 d 4 h");
}

TEST(Counted, KnowsOneFromMany) {
  EXPECT_EQ(counted(0, "socket", "sockets"), "0 sockets");
  EXPECT_EQ(counted(1, "socket", "sockets"), "1 socket");
  EXPECT_EQ(counted(2, "socket", "sockets"), "2 sockets");
}

TEST(VerdictText, IsStable) {
  std::vector<std::string> names;
  for (const Verdict verdict : kAllVerdicts) names.emplace_back(to_string(verdict));
  EXPECT_THAT(names, ElementsAre("selected", "unknown", "standby", "draining", "drained"));
  EXPECT_EQ(to_string(static_cast<Verdict>(99)), "unknown");
  EXPECT_EQ(to_string(SelectionState::kSelected), "selected");
  EXPECT_EQ(to_string(SelectionState::kDeselected), "deselected");
  EXPECT_EQ(to_string(SelectionState::kUnknown), "unknown");
  EXPECT_EQ(to_string(static_cast<SelectionState>(99)), "unknown");
}

}  // namespace
}  // namespace drainbow
