#include "drain/sampling_plan.h"

#include <gtest/gtest.h>

#include "tests/drain/builders.h"
#include "tests/drain/manual_clock.h"

namespace drainbow {
namespace {

// All is well, and just was sampled and scanned.
SamplingState holding(TimePoint at) {
  return {.last_sample = at,
          .last_scan = at,
          .last_confirmed = true,
          .counters_unchanged = true,
          .port_seen = true};
}

bool samples(const SamplingState& state, TimePoint now) { return plan_sampling(now, state).sample; }
bool scans(const SamplingState& state, TimePoint now) { return plan_sampling(now, state).scan; }

class SamplingPlan : public ::testing::Test {
 protected:
  ManualClock clock;
  TimePoint now = clock.now();
};

TEST_F(SamplingPlan, DoesNothingWhileTheSetHolds) {
  EXPECT_EQ(plan_sampling(now, holding(now)), SamplingSteps());
}

TEST_F(SamplingPlan, DoesBothAtFirst) {
  const SamplingSteps steps = plan_sampling(now, {});
  EXPECT_TRUE(steps.sample);
  EXPECT_TRUE(steps.scan);
}

// "at least every 30 s": at 30 s it is due.
TEST_F(SamplingPlan, SamplesEvery30Seconds) {
  const SamplingState state = holding(now);
  EXPECT_FALSE(samples(state, now + seconds(30) - kOneMs));
  EXPECT_TRUE(samples(state, now + seconds(30)));
  EXPECT_TRUE(samples(state, now + seconds(30) + kOneMs));
}

TEST_F(SamplingPlan, ScansEvery10SecondsOnceAPortIsSeen) {
  const SamplingState state = holding(now);
  EXPECT_FALSE(scans(state, now + seconds(10) - kOneMs));
  EXPECT_TRUE(scans(state, now + seconds(10)));
  EXPECT_TRUE(scans(state, now + seconds(10) + kOneMs));
}

TEST_F(SamplingPlan, ScansEveryTickUntilAPortIsSeen) {
  SamplingState state = holding(now);
  state.port_seen = false;
  EXPECT_TRUE(scans(state, now));
  EXPECT_FALSE(samples(state, now));
}

TEST_F(SamplingPlan, ScansWhenItNeverDid) {
  SamplingState state = holding(now);
  state.last_scan.reset();
  EXPECT_TRUE(scans(state, now));
}

TEST_F(SamplingPlan, AnyDoubtTakesASample) {
  SamplingState moved = holding(now);
  moved.counters_unchanged = false;
  EXPECT_TRUE(samples(moved, now));
  SamplingState unconfirmed = holding(now);
  unconfirmed.last_confirmed = false;
  EXPECT_TRUE(samples(unconfirmed, now));
  SamplingState failed = holding(now);
  failed.last_failed = true;
  EXPECT_TRUE(samples(failed, now));
  SamplingState lingering = holding(now);
  lingering.lingering = true;
  EXPECT_TRUE(samples(lingering, now));
  SamplingState proc = holding(now);
  proc.by_proc = true;
  EXPECT_TRUE(samples(proc, now));
  SamplingState never = holding(now);
  never.last_sample.reset();
  EXPECT_TRUE(samples(never, now));
}

}  // namespace
}  // namespace drainbow
