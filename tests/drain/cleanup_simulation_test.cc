// A model cluster driven by a seed, with what the cleanup promises as invariants: safety at every
// write of a cleanup, and that all goes in the end, when nobody disturbs any more.
//
// DRAINBOW_SIMULATION_SEED=n repeats one seed and prints what happened; DRAINBOW_SIMULATION_SEEDS=n
// runs so many.
#include "tests/drain/cleanup_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace drainbow {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string told(const SimulationResult& result, std::size_t lines) {
  std::string text;
  const std::size_t all = result.trace.size();
  for (std::size_t i = all > lines ? all - lines : 0; i < all; ++i) text += result.trace[i] + "\n";
  return text;
}

void add(ModelStats& sum, const ModelStats& one) {
  for (int ModelStats::* field :
       {&ModelStats::marked, &ModelStats::unmarked, &ModelStats::scaled, &ModelStats::restored,
        &ModelStats::deleted, &ModelStats::recreated, &ModelStats::conflicts,
        &ModelStats::objections, &ModelStats::switches, &ModelStats::switches_failed,
        &ModelStats::put_back}) {
    sum.*field += one.*field;
  }
}

TEST(CleanupSimulation, KeepsEveryPromise) {
  const std::uint64_t only = from_environment("DRAINBOW_SIMULATION_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : from_environment("DRAINBOW_SIMULATION_SEEDS", 200);
  ModelStats sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const SimulationResult result = simulate(seed, PlantedBug::kNone);
    add(sum, result.stats);
    if (only != 0) std::cout << told(result, result.trace.size());
    ASSERT_TRUE(result.violations.empty())
        << result.violations[0] << "\nseed " << seed << ": run it again with "
        << "DRAINBOW_SIMULATION_SEED=" << seed << "\n"
        << told(result, 60);
  }
  std::cout << "marked " << sum.marked << ", unmarked " << sum.unmarked << ", scaled to zero "
            << sum.scaled << ", restored " << sum.restored << ", deleted " << sum.deleted
            << ", created again " << sum.recreated << "; conflicts " << sum.conflicts
            << ", objections at the second look " << sum.objections << "; switches " << sum.switches
            << ", failed " << sum.switches_failed << ", Services put back " << sum.put_back << "\n";
  if (only != 0) return;
  // It would keep every promise if nothing happened.
  EXPECT_GT(sum.marked, 0);
  EXPECT_GT(sum.unmarked, 0);
  EXPECT_GT(sum.scaled, 0);
  EXPECT_GT(sum.restored, 0);
  EXPECT_GT(sum.deleted, 0);
  EXPECT_GT(sum.recreated, 0);
  EXPECT_GT(sum.conflicts, 0);
  EXPECT_GT(sum.objections, 0);
  EXPECT_GT(sum.switches, 0);
  EXPECT_GT(sum.put_back, 0);
}

struct Planted {
  const char* name;
  PlantedBug bug;
};
void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.name; }

const Planted kPlanted[] = {
    {"SkipTheSecondRead", PlantedBug::kSkipSecondRead},
    {"IgnoreUnknown", PlantedBug::kIgnoreUnknown},
    {"RefreshTheResourceVersion", PlantedBug::kRefreshVersion},
    {"TrustAnOldMark", PlantedBug::kTrustOldMark},
    {"ForgetHoldUntil", PlantedBug::kForgetHold},
    {"JudgeAScaledColorByItsVerdict", PlantedBug::kJudgeScaledByVerdict},
};

class APlantedBug : public ::testing::TestWithParam<Planted> {};

TEST_P(APlantedBug, IsFound) {
  constexpr std::uint64_t kSeeds = 300;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const SimulationResult result = simulate(seed, GetParam().bug);
    if (result.violations.empty()) continue;
    std::cout << "seed " << seed << ": " << result.violations[0] << "\n";
    return;
  }
  FAIL() << "not found with " << kSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, APlantedBug, ::testing::ValuesIn(kPlanted),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace drainbow
