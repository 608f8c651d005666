#include "agent/snapshot.h"

#include <gmock/gmock.h>

namespace drainbow {
namespace {

PortCounts with_open(std::uint64_t open) {
  PortCounts counts;
  counts.by_class[static_cast<std::size_t>(ConnectionClass::kOpen)] = open;
  return counts;
}

TEST(ShownPorts, JoinsCountsWithOpens) {
  PodStatus status;
  status.counts.by_port[8080] = with_open(2);
  status.opened_by_port[8080] = 7;
  status.opened_by_port[8081] = 3;  // all of its connections are gone
  const auto shown = shown_ports(status);
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0].port, "8080");
  EXPECT_EQ(shown[0].counts.of(ConnectionClass::kOpen), 2U);
  EXPECT_EQ(shown[0].opened, 7U);
  EXPECT_EQ(shown[1].port, "8081");
  EXPECT_EQ(shown[1].opened, 3U);
}

TEST(ShownPorts, SumsTheLightestBeyondTheBound) {
  PodStatus status;
  for (std::uint16_t i = 0; i < kMostPortsShown + 2; ++i) {
    status.counts.by_port[static_cast<std::uint16_t>(1000 + i)] = with_open(i + 1U);
  }
  const auto shown = shown_ports(status);
  ASSERT_EQ(shown.size(), kMostPortsShown + 1);
  EXPECT_EQ(shown.front().port, "1002") << "1000 and 1001 have the fewest";
  EXPECT_EQ(shown.back().port, "other");
  EXPECT_EQ(shown.back().counts.of(ConnectionClass::kOpen), 3U);
}

TEST(ShownPorts, HasNoOtherAtTheBound) {
  PodStatus status;
  for (std::uint16_t i = 0; i < kMostPortsShown; ++i) status.counts.by_port[i] = with_open(1);
  EXPECT_EQ(shown_ports(status).size(), kMostPortsShown);
}

}  // namespace
}  // namespace drainbow
