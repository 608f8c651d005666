#include "sockets/confirmation.h"

#include <gtest/gtest.h>

namespace drainbow {
namespace {

TcpCounters current(std::uint64_t established) { return {.current_established = established}; }

std::vector<TcpSocket> rows(int established, int close_wait, int others = 0) {
  std::vector<TcpSocket> result;
  const auto add = [&](int count, TcpState state) {
    for (int i = 0; i < count; ++i) {
      result.emplace_back();
      result.back().state = state;
    }
  };
  add(established, TcpState::kEstablished);
  add(close_wait, TcpState::kCloseWait);
  add(others, TcpState::kFinWait1);
  add(others, TcpState::kSynRecv);
  return result;
}

TEST(Confirmation, WhenCountersStandStillAndFitTheRows) {
  Confirmation confirmation;
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(3, 0, 4)));
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(2, 1)));
  EXPECT_TRUE(confirmation.confirms(current(0), current(0), rows(0, 0, 4)));
}

TEST(Confirmation, NotWhenARowIsMissingOrTooMuch) {
  Confirmation confirmation;
  EXPECT_FALSE(confirmation.confirms(current(3), current(3), rows(2, 0)));
  EXPECT_FALSE(confirmation.confirms(current(3), current(3), rows(4, 0)));
  EXPECT_FALSE(confirmation.confirms(current(5), current(5), rows(2, 1)));
  EXPECT_FALSE(confirmation.confirms(current(1), current(1), rows(2, 1)));
}

TEST(Confirmation, NotWhenAnyCounterMoved) {
  Confirmation confirmation;
  const TcpCounters before = current(1);
  for (const auto counter : {&TcpCounters::active_opens, &TcpCounters::passive_opens,
                             &TcpCounters::attempt_fails, &TcpCounters::estab_resets}) {
    TcpCounters after = before;
    ++(after.*counter);
    EXPECT_FALSE(confirmation.confirms(before, after, rows(1, 0)));
  }
  EXPECT_FALSE(confirmation.confirms(before, current(2), rows(1, 0)));
  EXPECT_FALSE(confirmation.confirms(before, current(2), rows(2, 0)));
}

TEST(Confirmation, LearnsThatAnOlderKernelDoesNotCountCloseWait) {
  Confirmation confirmation;
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(3, 2)));
  EXPECT_TRUE(confirmation.confirms(current(2), current(2), rows(2, 1)));
  // One of three is missing, and one is in CLOSE_WAIT: must not pass for a newer kernel's count.
  EXPECT_FALSE(confirmation.confirms(current(3), current(3), rows(2, 1)));
}

TEST(Confirmation, OnANewerKernelTheOtherWayRound) {
  Confirmation confirmation;
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(2, 1)));
  EXPECT_FALSE(confirmation.confirms(current(3), current(3), rows(3, 1)));
}

TEST(Confirmation, OneDeceptiveReadIsUnlearned) {
  Confirmation confirmation;
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(3, 1))) << "deceptive";
  EXPECT_FALSE(confirmation.confirms(current(3), current(3), rows(2, 1)));
  EXPECT_TRUE(confirmation.confirms(current(3), current(3), rows(2, 1)));
}

}  // namespace
}  // namespace drainbow
