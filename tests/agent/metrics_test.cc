#include "agent/metrics.h"

#include <gmock/gmock.h>

#include "example.h"

namespace drainbow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, SayTheSameAsTheDocument) {
  const std::string text = metrics_text(example_snapshot(), {});
  EXPECT_THAT(text, HasSubstr(R"(drainbow_connections{port="8081",class="open"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_connections{port="8081",class="half_open"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_connections_close_wait{port="8081"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_connections_opened_total{port="8081"} 12)"));
  EXPECT_THAT(text, HasSubstr("drainbow_connections_lost_total 3"));
  EXPECT_THAT(text, HasSubstr("drainbow_selected 0"));
  EXPECT_THAT(text, HasSubstr("drainbow_quiet_seconds 12"));
  EXPECT_THAT(text, HasSubstr("drainbow_sample_age_seconds 0.25"));
  EXPECT_THAT(text, HasSubstr("drainbow_selection_age_seconds 0.4"));
  EXPECT_THAT(text, HasSubstr("drainbow_watch_restarts_total 0"));
  EXPECT_THAT(text, HasSubstr("drainbow_build_info{version=\""));
}

TEST(Metrics, HaveOneSeriesForEachVerdict) {
  const std::string text = metrics_text(example_snapshot(), {});
  EXPECT_THAT(text, AllOf(HasSubstr(R"(drainbow_verdict{verdict="draining"} 1)"),
                          HasSubstr(R"(drainbow_verdict{verdict="drained"} 0)"),
                          HasSubstr(R"(drainbow_verdict{verdict="unknown"} 0)"),
                          HasSubstr(R"(drainbow_verdict{verdict="standby"} 0)"),
                          HasSubstr(R"(drainbow_verdict{verdict="selected"} 0)")));
}

TEST(Metrics, AreAbsentWhereUnknown) {
  Snapshot snapshot = example_snapshot();
  snapshot.status.counted = false;
  snapshot.status.sample_age.reset();
  snapshot.status.selection = SelectionState::kUnknown;
  const std::string text = metrics_text(snapshot, {});
  EXPECT_THAT(text, Not(HasSubstr("drainbow_connections{")));
  EXPECT_THAT(text, Not(HasSubstr("drainbow_sample_age_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("drainbow_selected")));
  EXPECT_THAT(text, Not(HasSubstr("drainbow_drained_seconds")));
}

TEST(Metrics, CountSamplesAndErrors) {
  SamplingStats stats;
  stats.samples[SampleMethod::kUnchanged] = 5;
  stats.samples[SampleMethod::kDumpTwoPass] = 2;
  stats.errors["scan"] = 1;
  stats.durations = {1, 2, 3, 4, 5, 6, 7};
  stats.duration_count = 8;
  stats.duration_sum = 0.5;
  const std::string text = metrics_text(example_snapshot(), stats);
  EXPECT_THAT(text, HasSubstr(R"(drainbow_samples_total{method="unchanged"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_samples_total{method="dump-two-pass"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_sample_errors_total{reason="scan"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_sample_errors_total{reason="sample"} 0)"));
  EXPECT_THAT(text, HasSubstr("drainbow_sample_duration_seconds_count 8"));
  EXPECT_THAT(text, HasSubstr(R"(drainbow_sample_duration_seconds_bucket{le="+Inf"} 8)"));
}

}  // namespace
}  // namespace drainbow
