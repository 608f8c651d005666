#include "drain/prestop_hook.h"

#include <gtest/gtest.h>

#include "tests/drain/builders.h"
#include "tests/drain/manual_clock.h"

namespace drainbow {
namespace {

using enum PrestopOutcome;

class Prestop : public ::testing::Test {
 protected:
  // The hook is called now, for a pod that is going.
  void call_while_terminating() {
    hook.on_terminating();
    hook.on_called(called);
  }
  PrestopOutcome after(Millis wait, const PrestopView& view) {
    return hook.evaluate(called + wait, view);
  }

  ManualClock clock;
  const TimePoint called = clock.now();
  const PrestopView empty{.open = 0, .last_open = std::nullopt};
  const PrestopView busy{.open = 1, .last_open = std::nullopt};
  PrestopHook hook{PrestopConfig{}};
};

// "at least --prestop-min has passed": at 10 s it has.
TEST_F(Prestop, HoldsUntilTheFloor) {
  call_while_terminating();
  EXPECT_EQ(after(seconds(10) - kOneMs, empty), kWait);
  EXPECT_EQ(after(seconds(10), empty), kDrained);
  EXPECT_EQ(after(seconds(10) + kOneMs, empty), kDrained);
}

TEST_F(Prestop, EndsAtTheDeadline) {
  call_while_terminating();
  EXPECT_EQ(after(seconds(25) - kOneMs, busy), kWait);
  EXPECT_EQ(after(seconds(25), busy), kDeadline);
  EXPECT_EQ(after(seconds(25) + kOneMs, busy), kDeadline);
}

TEST_F(Prestop, WaitsUntil5SecondsWentByWithoutANewConnection) {
  call_while_terminating();
  const PrestopView just_opened{.open = 0, .last_open = called + seconds(8)};
  EXPECT_EQ(after(seconds(13) - kOneMs, just_opened), kWait);
  EXPECT_EQ(after(seconds(13), just_opened), kDrained);
  EXPECT_EQ(after(seconds(13) + kOneMs, just_opened), kDrained);
}

TEST_F(Prestop, ThresholdIsAsGoodAsNone) {
  hook = PrestopHook({.threshold = 2});
  call_while_terminating();
  EXPECT_EQ(after(seconds(10), {.open = 3, .last_open = {}}), kWait);
  EXPECT_EQ(after(seconds(10), {.open = 2, .last_open = {}}), kDrained);
}

TEST_F(Prestop, UnknownCountIsNeverZero) {
  call_while_terminating();
  EXPECT_EQ(after(seconds(25) - kOneMs, {}), kWait);
  EXPECT_EQ(after(seconds(25), {}), kDeadline);
}

// "without /terminating within 5 s": at 5 s it did not come.
TEST_F(Prestop, ReturnsWhenOnlyTheContainerRestarts) {
  hook.on_called(called);
  EXPECT_EQ(after(seconds(5) - kOneMs, busy), kWait);
  EXPECT_EQ(after(seconds(5), busy), kNotLeaving);
}

TEST_F(Prestop, ContainerRestartNeverCountsAsDrained) {
  hook.on_called(called);
  EXPECT_EQ(after(seconds(5) + kOneMs, empty), kNotLeaving);
}

TEST_F(Prestop, TerminatingMayComeALittleLater) {
  hook.on_called(called);
  EXPECT_EQ(after(seconds(4), busy), kWait);
  hook.on_terminating();
  EXPECT_EQ(after(seconds(5), busy), kWait);
  EXPECT_EQ(after(seconds(10), empty), kDrained);
}

TEST_F(Prestop, SecondCallSharesTheFirstDeadline) {
  call_while_terminating();
  hook.on_called(called + seconds(20));
  EXPECT_EQ(after(seconds(25), busy), kDeadline);
}

// kubelet repeats the hook after its own restart.
TEST_F(Prestop, CallAfterTheDeadlineReturnsAtOnce) {
  call_while_terminating();
  EXPECT_EQ(after(seconds(25), busy), kDeadline);
  hook.on_called(called + seconds(100));
  EXPECT_EQ(after(seconds(100), busy), kDeadline);
}

// Anyone may call; a stray round must not take the hold from the pod's real end, days later.
TEST_F(Prestop, RoundLongPastItsDeadlineIsForgotten) {
  call_while_terminating();
  EXPECT_EQ(after(seconds(25), busy), kDeadline);
  hook.on_called(called + seconds(325));
  EXPECT_EQ(after(seconds(325), busy), kDeadline);
  hook.on_called(called + seconds(325) + kOneMs);
  EXPECT_EQ(after(seconds(325) + kOneMs, busy), kWait);
}

TEST_F(Prestop, ContainerRestartDoesNotEatThePodsOwnGrace) {
  hook.on_called(called);
  EXPECT_EQ(after(seconds(5), busy), kNotLeaving);
  hook.on_terminating();
  hook.on_called(called + minutes(5));
  EXPECT_EQ(after(minutes(5) + seconds(25) - kOneMs, busy), kWait);
  EXPECT_EQ(after(minutes(5) + seconds(25), busy), kDeadline);
}

TEST_F(Prestop, WaitsWhenItWasNotCalled) {
  hook.on_terminating();
  EXPECT_TRUE(hook.terminating());
  EXPECT_EQ(after(hours(1), empty), kWait);
}

TEST_F(Prestop, DeadlineGoesBeforeFloorAndTerminating) {
  hook = PrestopHook({.at_least = seconds(10), .deadline = seconds(3)});
  hook.on_called(called);
  EXPECT_EQ(after(seconds(3) - kOneMs, empty), kWait);
  EXPECT_EQ(after(seconds(3), empty), kDeadline);
}

TEST_F(Prestop, OutcomesHaveNames) {
  EXPECT_EQ(to_string(kWait), "waiting");
  EXPECT_EQ(to_string(kDrained), "drained");
  EXPECT_EQ(to_string(kDeadline), "deadline");
  EXPECT_EQ(to_string(kNotLeaving), "not terminating");
  EXPECT_EQ(to_string(static_cast<PrestopOutcome>(99)), "unknown");
}

}  // namespace
}  // namespace drainbow
