#include "drain/time.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "drain/result.h"

namespace drainbow {
namespace {

using ::testing::HasSubstr;

TEST(Rfc3339, PrintsUtcInWholeSeconds) {
  EXPECT_EQ(to_rfc3339(WallTime(std::chrono::seconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(WallTime(std::chrono::seconds(1'795'250'460))), "2026-11-21T08:41:00Z");
  EXPECT_EQ(to_rfc3339(WallTime(std::chrono::seconds(-1))), "1969-12-31T23:59:59Z");
}

TEST(Rfc3339, CutsFractionsOff) {
  EXPECT_EQ(*parse_rfc3339("2026-11-21T08:41:00.999999Z"), *parse_rfc3339("2026-11-21T08:41:00Z"));
}

TEST(Rfc3339, KnowsLeapDaysAndLeapSeconds) {
  EXPECT_TRUE(parse_rfc3339("2028-02-29T00:00:00Z").ok());
  EXPECT_FALSE(parse_rfc3339("2026-02-29T00:00:00Z").ok());
  EXPECT_EQ(*parse_rfc3339("2016-12-31T23:59:60Z"), *parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Rfc3339, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "2026-11-21",
                           "2026-11-21T08:41:00",
                           "2026-11-21T08:41:00+00:00",
                           "2026-11-21 08:41:00Z",
                           "2026/11-21T08:41:00Z",
                           "2026-11/21T08:41:00Z",
                           "2026-11-21T08-41:00Z",
                           "2026-11-21T08:41-00Z",
                           "x026-11-21T08:41:00Z",
                           "2026-x1-21T08:41:00Z",
                           "2026-11-x1T08:41:00Z",
                           "2026-11-21Tx8:41:00Z",
                           "2026-11-21T08:x1:00Z",
                           "2026-11-21T08:41:x0Z",
                           "2026-13-21T08:41:00Z",
                           "2026-00-21T08:41:00Z",
                           "2026-11-31T08:41:00Z",
                           "2026-11-21T24:41:00Z",
                           "2026-11-21T08:60:00Z",
                           "2026-11-21T08:41:61Z",
                           "2026-11-21T08:41:00.Z",
                           "2026-11-21T08:41:00.1xZ",
                           "2026-11-21T08:41:00x1Z",
                           "2026-11-21T08:41:00ZZ",
                           "2026-11-21T08:41:00.00000000000000000000000000Z",
                           "-026-11-21T08:41:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).ok()) << text;
  }
}

TEST(Rfc3339, ErrorQuotesABoundedPart) {
  const Result<WallTime> time = parse_rfc3339(std::string(1000, 'y'));
  ASSERT_FALSE(time.ok());
  EXPECT_THAT(time.error().message, HasSubstr("yyyy"));
  EXPECT_LT(time.error().message.size(), 200U);
}

RC_GTEST_PROP(Rfc3339, RoundTripsEverySecondOfFourDigitYears, ()) {
  const auto second = *rc::gen::inRange<std::int64_t>(-62'167'219'200, 253'402'300'800);
  const WallTime time{std::chrono::seconds(second)};
  const Result<WallTime> again = parse_rfc3339(to_rfc3339(time));
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == time);
}

TEST(ErrorValue, WrapAddsContextInFront) {
  EXPECT_EQ(Error{"permission denied"}.wrap("reading /x").message, "reading /x: permission denied");
}

TEST(ResultValue, HoldsAValueOrAnError) {
  Result<std::string> value = std::string("x");
  EXPECT_TRUE(value.ok());
  EXPECT_EQ(value->size(), 1U);
  EXPECT_EQ(*std::move(value), "x");
  const Result<std::string> error = Error{"no"};
  EXPECT_FALSE(error);
  EXPECT_EQ(error.error(), Error{"no"});
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> failed = Error{"no"};
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no");
}

}  // namespace
}  // namespace drainbow
