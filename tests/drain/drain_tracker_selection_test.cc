// What DrainTracker makes of its selection source.
#include <gmock/gmock.h>

#include "drain/drain_tracker.h"
#include "tests/drain/observed_pod.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using enum Verdict;

// "A selection counts for 150 s": at 150 s it still does.
TEST(SelectionFreshness, Holds150SecondsAfterItsLastProof) {
  ObservedPod pod;
  pod.select();
  pod.pass(seconds(150) - kOneMs);
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.status().reasons.at(0).message, HasSubstr("last proven 2 min 30 s ago"));
}

TEST(SelectionFreshness, Holds10SecondsAfterTheWatchBroke) {
  ObservedPod pod;
  SelectionReport report{.state = SelectionState::kSelected,
                         .problem = "connection refused",
                         .proven_at = pod.now(),
                         .broken_since = pod.now()};
  pod.tracker.on_selection(pod.now(), report);
  pod.pass(seconds(10) - kOneMs);
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kSelected);
  pod.pass(kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
  EXPECT_THAT(pod.status().reasons.at(0).message, HasSubstr("(limit 10 s): connection refused"));
}

TEST(SelectionFreshness, BrokenWatchDoesNotMakeAnOldProofYounger) {
  ObservedPod pod;
  const SelectionReport report{.state = SelectionState::kDeselected,
                               .proven_at = pod.now(),
                               .broken_since = pod.now() + seconds(149)};
  pod.tracker.on_selection(pod.now(), report);
  pod.pass(seconds(150) + kOneMs);
  EXPECT_EQ(pod.verdict(), kUnknown);
}

TEST(SelectionFreshness, NeedsAProof) {
  ObservedPod pod;
  pod.tracker.on_selection(pod.now(), {.state = SelectionState::kDeselected});
  pod.tracker.advance(pod.now());
  EXPECT_EQ(pod.verdict(), kUnknown);
}

TEST(SelectionFreshness, SaysWhyItIsUnknown) {
  ObservedPod pod;
  EXPECT_THAT(pod.status().reasons.at(0).message, HasSubstr("not read yet"));
  pod.report({.problem = "403 Forbidden"});
  EXPECT_EQ(pod.status().reasons.at(0).message, "403 Forbidden");
  pod.report({});
  EXPECT_EQ(pod.status().reasons.at(0).message, "the selection is not known");
}

TEST(SelectionFreshness, HealsWithoutRestartingTheQuietClock) {
  ObservedPod pod = drained_pod();
  const std::string before = pod.episode();
  pod.report({.problem = "watch broke"});
  EXPECT_EQ(pod.verdict(), kUnknown);
  pod.live(seconds(1));
  pod.deselect();
  EXPECT_EQ(pod.verdict(), kDrained);
  EXPECT_EQ(pod.episode(), before);
}

TEST(SelectionFreshness, DeselectionSeenOnlyAfterAGapCountsFromItsSight) {
  ObservedPod pod;
  pod.select();
  pod.report({});
  pod.live(minutes(5));
  pod.deselect();
  EXPECT_EQ(pod.status().deselected_for, Millis(0));
  EXPECT_EQ(pod.quiet_for(), Millis(0));
}

TEST(SelectionStatus, ShowsServicesNotesAndAges) {
  ObservedPod pod;
  EXPECT_EQ(pod.status().selection_age, std::nullopt);
  pod.report({.state = SelectionState::kSelected,
              .services = {"web"},
              .notes = {{"labels_lag", "labels are 90 s old"}}});
  pod.pass(seconds(7));
  EXPECT_EQ(pod.status().selection, SelectionState::kSelected);
  EXPECT_EQ(pod.status().selection_age, seconds(7));
  EXPECT_THAT(pod.status().services, ElementsAre("web"));
  EXPECT_THAT(pod.reasons(), Contains("labels_lag"));
  EXPECT_FALSE(pod.tracker.watch_closes());
  pod.report({});
  EXPECT_TRUE(pod.tracker.watch_closes());
  pod.deselect();
  pod.pass(seconds(3));
  EXPECT_TRUE(pod.tracker.watch_closes());
  EXPECT_EQ(pod.status().deselected_for, seconds(3));
}

}  // namespace
}  // namespace drainbow
