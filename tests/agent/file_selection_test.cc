#include "agent/file_selection.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "temp_dir.h"

namespace drainbow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TimePoint kNow = TimePoint() + std::chrono::hours(5);

TEST(FileSelection, ReadsTheFileAnewEachTime) {
  const TempDir dir;
  FileSelection source(dir.file("selection"));
  dir.write("selection", "selected\n");
  SelectionReport report = source.report(kNow, Labels());
  EXPECT_EQ(report.state, SelectionState::kSelected);
  EXPECT_EQ(report.proven_at, kNow);
  EXPECT_THAT(report.services, ElementsAre("file " + dir.file("selection")));
  dir.write("selection", "  deselected ");
  report = source.report(kNow + Millis(1), Labels());
  EXPECT_EQ(report.state, SelectionState::kDeselected);
  EXPECT_TRUE(report.services.empty());
}

TEST(FileSelection, IsUnknownBeforeTheFirstGoodRead) {
  const TempDir dir;
  FileSelection source(dir.file("selection"));
  const SelectionReport report = source.report(kNow, Labels());
  EXPECT_EQ(report.state, SelectionState::kUnknown);
  EXPECT_EQ(report.proven_at, std::nullopt);
  EXPECT_THAT(report.problem, HasSubstr(dir.file("selection")));
}

TEST(FileSelection, IsBrokenSinceTheFirstBadReadAndHeals) {
  const TempDir dir;
  FileSelection source(dir.file("selection"));
  dir.write("selection", "selected");
  source.report(kNow, Labels());
  dir.write("selection", "selec");
  source.report(kNow + Millis(1000), Labels());
  SelectionReport report = source.report(kNow + Millis(2000), Labels());
  EXPECT_EQ(report.state, SelectionState::kSelected);
  EXPECT_EQ(report.proven_at, kNow);
  EXPECT_EQ(report.broken_since, kNow + Millis(1000));
  EXPECT_THAT(report.problem, HasSubstr("'selec'; accepted are selected and deselected"));
  dir.write("selection", "deselected");
  report = source.report(kNow + Millis(3000), Labels());
  EXPECT_EQ(report.state, SelectionState::kDeselected);
  EXPECT_EQ(report.broken_since, std::nullopt);
  EXPECT_EQ(report.problem, "");
}

TEST(FileSelection, DoesNotWaitForAFifo) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.file("selection").c_str(), 0600), 0);
  FileSelection source(dir.file("selection"));
  EXPECT_THAT(source.report(kNow, Labels()).problem, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace drainbow
