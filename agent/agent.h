// The agent: one loop that ticks, holds the tracker, and wakes whoever waits for a verdict.
//
// It belongs to one thread. A tick reads selection, labels and sockets, lets the tracker judge,
// logs each transition once, and saves what must survive a restart. No error in a tick
// ends the agent: it becomes a reason in the document and heals.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/sampling.h"
#include "agent/selection_source.h"
#include "agent/signal.h"
#include "agent/snapshot.h"
#include "agent/state_file.h"
#include "drain/drain_tracker.h"
#include "drain/prestop_hook.h"
#include "program/log.h"

namespace drainbow {

class Agent {
 public:
  Agent(boost::asio::any_io_executor executor, const AgentConfig& config,
        std::unique_ptr<SelectionSource> selection, program::Log& log);

  // Ticks until stop(), which also ends everybody's waiting. All coroutines of an agent must have
  // ended before it does.
  boost::asio::awaitable<void> run();
  void stop();

  struct Answer {
    Verdict verdict;
    std::string document;  // of the same instant
  };
  // As of now. `with_idle` brings idle times up to date first, at most every 5 s.
  Answer answer(bool with_idle);
  std::string metrics();
  Verdict verdict();

  // Returns when the verdict is `wanted`, or at the deadline.
  boost::asio::awaitable<void> wait_for(Verdict wanted, TimePoint deadline);

  // The app's preStop hook; returns when its container may be stopped. Nothing: the agent ends
  // first.
  boost::asio::awaitable<std::optional<PrestopOutcome>> prestop();

  // The agent's own preStop hook: the pod is going.
  void terminating();

 private:
  struct HookRound {
    std::optional<PrestopOutcome> outcome;
  };
  struct Deselection {
    TimePoint at;
    WallTime wall;
  };

  void tick(TimePoint now);
  void update_labels();
  void advance(TimePoint now);
  void save_state();
  void refresh_hook();
  void evaluate_hook(TimePoint now);
  void log_transition(TimePoint now);
  void log_problem(std::string& last, const std::string& current, const char* what);
  void log_count_problems();
  std::optional<WallTime> deselected_at();
  Snapshot snapshot(TimePoint now);

  boost::asio::steady_timer timer_;
  AgentConfig config_;
  std::unique_ptr<SelectionSource> selection_;
  program::Log& log_;
  TimePoint start_;
  StateFile state_file_;
  std::optional<SavedState> restored_;
  DrainTracker tracker_;
  Sampling sampling_;
  PrestopHook hook_;
  std::shared_ptr<HookRound> hook_round_;  // of the calls under way
  Signal changed_;
  bool stopped_ = false;
  Result<Labels> labels_{Labels()};
  std::string labels_problem_;  // empty: none
  std::string selection_problem_;
  std::string state_problem_;
  std::optional<TimePoint> idle_sampled_at_;
  // The deselection on both clocks, converted once: the wall clock may be set meanwhile.
  std::optional<Deselection> deselection_;
  std::optional<Verdict> logged_verdict_;
  std::string logged_count_problems_;
};

}  // namespace drainbow
