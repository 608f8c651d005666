// Who acts in a simulation, each as a machine of small steps, so that any other may act in between.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/drain/cluster_model.h"

namespace drainbow {

// A bug planted into a cleanup run: the simulation must find each.
enum class PlantedBug : std::uint8_t {
  kNone,
  kSkipSecondRead,
  kIgnoreUnknown,
  kRefreshVersion,
  kTrustOldMark,
  kForgetHold,
  kJudgeScaledByVerdict,
};

// Executes plan_cleanup's actions, with every read, question and write a step of its own.
class CleanupRun {
 public:
  CleanupRun(ModelCluster& cluster, CleanupConfig config, PlantedBug bug)
      : cluster_(cluster), config_(std::move(config)), bug_(bug) {}

  // False: it has ended.
  bool step();
  // The Deployment that it is about to take away, or has just deleted; empty: none.
  std::string taking_away() const;
  // It has read the Services for the last time before a delete.
  bool about_to_delete() const { return at_ == At::kDelete; }
  // Killed now, it would leave a deleted color that a Service selects: a person must act then.
  bool between_delete_and_reread() const { return at_ == At::kAfterDelete; }

 private:
  enum class At : std::uint8_t {
    kDeployments,
    kServices,
    kSlices,
    kPods,
    kAgents,
    kPlan,
    kAct,
    kSecondServices,
    kSecondSlices,
    kSecondPods,
    kSecondAgents,
    kScale,
    kBeforeDelete,
    kDelete,
    kAfterDelete,
    kVerify,
  };

  const Action& action() const { return plan_[index_]; }
  ObjectVersion version_to_write() const;
  void ask_next(Inventory& look, const std::string& of_deployment);
  bool asked_all(const Inventory& look, const std::string& of_deployment) const;
  void distort(Inventory& look) const;
  bool act();
  void next() { ++index_, at_ = At::kAct; }
  void second_pods();
  void scale();
  void before_delete();
  void after_delete();

  ModelCluster& cluster_;
  const CleanupConfig config_;
  const PlantedBug bug_;
  At at_ = At::kDeployments;
  Inventory look_;
  Inventory second_;
  WallTime second_began_;
  std::vector<Action> plan_;
  std::size_t index_ = 0;
  bool scaled_ = false;
  std::string last_scaled_;
  bool verified_ = false;
  WallTime verify_until_;
};

// drain/switch_plan.h's steps.
class SwitchRun {
 public:
  SwitchRun(ModelCluster& cluster, std::string target)
      : cluster_(cluster), target_(std::move(target)) {}

  bool step();

 private:
  enum class At : std::uint8_t { kBegin, kWait, kRepoint, kFinish, kLeave, kPutBack };

  void begin();
  void wait();
  void repoint();
  void finish();
  void leave();
  void put_back_one();
  void fail(const std::string& why);
  Millis hold_left() const { return hold_until_ - cluster_.now(); }

  ModelCluster& cluster_;
  const std::string target_;
  At at_ = At::kBegin;
  bool ended_ = false;
  std::optional<SwitchStart> start_;
  WallTime hold_until_;
  std::vector<std::pair<Service, ObjectVersion>> patched_;  // as it was, and its version since
  std::size_t index_ = 0;
  int patience_ = 60;
};

struct SimulationResult {
  std::vector<std::string> violations;
  std::vector<std::string> trace;
  ModelStats stats;
};

// All that follows from a seed.
SimulationResult simulate(std::uint64_t seed, PlantedBug bug);

}  // namespace drainbow
