#include "kube/backoff.h"

#include <gtest/gtest.h>

namespace drainbow::kube {
namespace {

constexpr double kAlmostOne = 0.999;

TEST(Backoff, DrawsFromADoublingRangeUpToItsEnd) {
  Backoff backoff(Millis(1000), Millis(5000));
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(999));
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(1998));
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(3996));
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(4995));
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(4995));
}

TEST(Backoff, TakesTheWholeRange) {
  Backoff backoff(Millis(1000), Millis(1000));
  EXPECT_EQ(backoff.next(0), Millis(0));
  EXPECT_EQ(backoff.next(0.5), Millis(500));
}

TEST(Backoff, AddsItsJitterToWhatTheServerAsksFor) {
  Backoff backoff(Millis(1000), Millis(1000));
  EXPECT_EQ(backoff.next(0, Millis(7000)), Millis(7000));
  EXPECT_EQ(backoff.next(0.5, Millis(7000)), Millis(7500));
}

TEST(Backoff, WaitsAMinuteForTheServerButNotMore) {
  Backoff backoff(Millis(1000), Millis(1000));
  EXPECT_EQ(backoff.next(0, Millis(60'000)), Millis(60'000));
  EXPECT_EQ(backoff.next(0, Millis(60'001)), Millis(60'000));
  EXPECT_EQ(backoff.next(0, Millis(-1)), Millis(0));
}

TEST(Backoff, BeginsAnewWhenReset) {
  Backoff backoff(Millis(1000), Millis(8000));
  for (int i = 0; i < 5; ++i) backoff.next(0.5);
  backoff.reset();
  EXPECT_EQ(backoff.next(kAlmostOne), Millis(999));
}

}  // namespace
}  // namespace drainbow::kube
