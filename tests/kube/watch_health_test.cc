#include "kube/watch_health.h"

#include <gtest/gtest.h>

namespace drainbow::kube {
namespace {

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr Millis kOneMs{1};

TimePoint at(Millis::rep milliseconds) { return kStart + Millis(milliseconds); }

TEST(WatchHealth, HasNoProofBeforeTheFirstList) {
  WatchHealth health;
  EXPECT_FALSE(health.proven_at());
  EXPECT_FALSE(health.broken_since(at(0)));
  EXPECT_FALSE(health.resumable(at(0)));
}

TEST(WatchHealth, AListProvesWhatWasWhenItWasAskedFor) {
  WatchHealth health;
  health.on_list(at(5));
  EXPECT_EQ(health.proven_at(), at(5));
  EXPECT_EQ(health.broken_since(at(9)), std::nullopt);
}

TEST(WatchHealth, ChangesAndBookmarksProve) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_open(at(10));
  health.on_change(at(20));
  EXPECT_EQ(health.proven_at(), at(20));
  health.on_bookmark(at(30));
  EXPECT_EQ(health.proven_at(), at(30));
}

TEST(WatchHealth, AnOpenWatchAloneProvesNothing) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_open(at(10));
  EXPECT_EQ(health.proven_at(), at(0));
}

TEST(WatchHealth, IsBrokenFromTheFirstEndOn) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_open(at(1));
  health.on_end(at(100), "the connection was closed");
  health.on_end(at(200), "connection refused");
  EXPECT_EQ(health.broken_since(at(300)), at(100));
  EXPECT_EQ(health.problem(at(300)), "connection refused");
}

TEST(WatchHealth, AResumedWatchIsWholeOnlyAfterItHadTimeToCatchUp) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_open(at(1));
  health.on_end(at(100), "closed");
  health.on_open(at(200));
  const TimePoint caught_up = at(200) + WatchHealth::kCatchUp;
  EXPECT_EQ(health.broken_since(caught_up - kOneMs), at(100));
  EXPECT_EQ(health.problem(caught_up - kOneMs), "closed");
  EXPECT_EQ(health.broken_since(caught_up), std::nullopt);
  EXPECT_EQ(health.broken_since(caught_up + kOneMs), std::nullopt);
  EXPECT_EQ(health.problem(caught_up), "");
}

TEST(WatchHealth, AMissedChangeThatComesWhileCatchingUpProvesNothing) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_end(at(100), "closed");
  health.on_open(at(200));
  const TimePoint caught_up = at(200) + WatchHealth::kCatchUp;
  health.on_change(caught_up - kOneMs);
  EXPECT_EQ(health.proven_at(), at(0));
  EXPECT_EQ(health.broken_since(caught_up - kOneMs), at(100));
  health.on_change(caught_up);
  EXPECT_EQ(health.proven_at(), caught_up);
}

TEST(WatchHealth, ABookmarkEndsTheCatchingUp) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_end(at(100), "closed");
  health.on_open(at(200));
  health.on_bookmark(at(250));
  EXPECT_EQ(health.proven_at(), at(250));
  EXPECT_EQ(health.broken_since(at(250)), std::nullopt);
}

TEST(WatchHealth, AWatchThatEndsWhileCatchingUpWasBrokenAllTheTime) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_end(at(100), "closed");
  health.on_open(at(200));
  health.on_end(at(300), "closed again");
  EXPECT_EQ(health.broken_since(at(300) + WatchHealth::kCatchUp), at(100));
}

TEST(WatchHealth, AWatchThatEndsAfterCatchingUpIsBrokenFromThenOn) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_end(at(100), "closed");
  health.on_open(at(200));
  health.on_end(at(5000), "closed again");
  EXPECT_EQ(health.broken_since(at(5000)), at(5000));
}

TEST(WatchHealth, AListMendsEverything) {
  WatchHealth health;
  health.on_end(at(100), "refused");
  health.on_list(at(200));
  EXPECT_EQ(health.broken_since(at(200)), std::nullopt);
  EXPECT_EQ(health.proven_at(), at(200));
}

TEST(WatchHealth, AViewIsResumedWhileItsProofIsYoung) {
  WatchHealth health;
  health.on_list(at(0));
  health.on_end(at(10), "closed");
  const TimePoint limit = at(0) + WatchHealth::kResumable;
  EXPECT_TRUE(health.resumable(limit - kOneMs));
  EXPECT_TRUE(health.resumable(limit));
  EXPECT_FALSE(health.resumable(limit + kOneMs));
}

}  // namespace
}  // namespace drainbow::kube
