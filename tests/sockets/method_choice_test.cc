#include "sockets/method_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drainbow {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr SampleMethod kOnePass = SampleMethod::kDump;
constexpr SampleMethod kTwoPass = SampleMethod::kDumpTwoPass;
constexpr SampleMethod kProc = SampleMethod::kProc;
const TimePoint kStart{1000s};

TEST(MethodChoice, AtFirstTriesAllBestFirst) {
  const MethodChoice choice(60s);
  EXPECT_THAT(choice.to_try(kStart), ElementsAre(kOnePass, kTwoPass, kProc));
  EXPECT_FALSE(choice.proven(kOnePass));
  EXPECT_EQ(choice.why_not_better_than(kOnePass), "");
  EXPECT_EQ(choice.failures(), "");
}

TEST(MethodChoice, WhatFailedIsTriedAgainAtTheDeadlineAndNotBefore) {
  MethodChoice choice(60s);
  choice.failed(kOnePass, Error{"no"}, kStart);
  EXPECT_THAT(choice.to_try(kStart), ElementsAre(kTwoPass, kProc));
  EXPECT_THAT(choice.to_try(kStart + 60s - 1ms), ElementsAre(kTwoPass, kProc));
  EXPECT_THAT(choice.to_try(kStart + 60s), ElementsAre(kOnePass, kTwoPass, kProc));
  EXPECT_THAT(choice.to_try(kStart + 60s + 1ms), ElementsAre(kOnePass, kTwoPass, kProc));
}

TEST(MethodChoice, EachFailureHasItsOwnDeadline) {
  MethodChoice choice(60s);
  choice.failed(kOnePass, Error{"no"}, kStart);
  choice.failed(kTwoPass, Error{"no"}, kStart + 10s);
  EXPECT_THAT(choice.to_try(kStart + 60s), ElementsAre(kOnePass, kProc));
  choice.failed(kOnePass, Error{"no"}, kStart + 60s);
  EXPECT_THAT(choice.to_try(kStart + 70s), ElementsAre(kTwoPass, kProc));
}

TEST(MethodChoice, TheLastResortIsAlwaysTried) {
  MethodChoice choice(60s);
  for (const SampleMethod method : {kOnePass, kTwoPass, kProc}) {
    choice.failed(method, Error{"no"}, kStart);
  }
  EXPECT_THAT(choice.to_try(kStart), ElementsAre(kProc));
}

TEST(MethodChoice, SuccessForgetsTheFailure) {
  MethodChoice choice(60s);
  choice.failed(kOnePass, Error{"no"}, kStart);
  choice.worked(kOnePass);
  EXPECT_TRUE(choice.proven(kOnePass));
  EXPECT_THAT(choice.to_try(kStart), ElementsAre(kOnePass, kTwoPass, kProc));
  EXPECT_EQ(choice.failures(), "");
  choice.failed(kOnePass, Error{"no"}, kStart);
  EXPECT_FALSE(choice.proven(kOnePass));
}

TEST(MethodChoice, SaysWhatKeepsBetterOnesFromUse) {
  MethodChoice choice(60s);
  choice.failed(kOnePass, Error{"one reason"}, kStart);
  choice.failed(kTwoPass, Error{"another"}, kStart);
  EXPECT_EQ(choice.why_not_better_than(kOnePass), "");
  EXPECT_EQ(choice.why_not_better_than(kTwoPass), "dump: one reason");
  EXPECT_EQ(choice.why_not_better_than(kProc), "dump: one reason; dump-two-pass: another");
  choice.failed(kProc, Error{"third"}, kStart);
  EXPECT_EQ(choice.failures(), "dump: one reason; dump-two-pass: another; proc: third");
}

}  // namespace
}  // namespace drainbow
