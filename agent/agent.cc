#include "agent/agent.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "agent/document.h"
#include "agent/labels_file.h"
#include "agent/metrics.h"

namespace drainbow {
namespace {

namespace asio = boost::asio;

// An idle time costs a whole sample; /status may be asked by anyone, at any rate.
constexpr Millis kIdleAtMostEvery{5'000};

// How often a waiting hook looks at its deadlines; the count itself changes with the ticks.
constexpr Millis kHookPoll{200};

TimePoint clock_now() { return std::chrono::steady_clock::now(); }

WallTime wall_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Eight hex digits, so that episodes of two runs never look equal.
std::string random_id() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::random_device device;
  std::string id;
  for (int i = 0; i < 8; ++i) id += kDigits[device() % 16];
  return id;
}

// An instant of the wall clock on this run's monotonic clock. A clock that was set back must not
// put it into the future.
TimePoint to_monotonic(WallTime then, TimePoint now, WallTime wall) {
  return now - std::max(std::chrono::seconds(0), wall - then);
}

std::optional<SavedState> load_state(StateFile& file, const std::string& pod_uid,
                                     program::Log& log) {
  const Result<std::optional<SavedState>> loaded = file.load();
  if (!loaded) {
    log.warning("state not restored, starting as if new", {{"error", loaded.error().message}});
    return std::nullopt;
  }
  if (!*loaded) return std::nullopt;
  const SavedState& saved = **loaded;
  if (saved.pod_uid != pod_uid) {
    log.info("state of another pod ignored", {{"pod_uid", saved.pod_uid}});
    return std::nullopt;
  }
  const std::string when = saved.deselected_at ? to_rfc3339(*saved.deselected_at) : "never";
  log.info("state restored",
           {{"ever_selected", saved.ever_selected ? "true" : "false"}, {"deselected_at", when}});
  return saved;
}

PersistentState to_persistent(const std::optional<SavedState>& saved, TimePoint now) {
  if (!saved) return {};
  PersistentState state{.ever_selected = saved->ever_selected, .ports = saved->ports};
  if (saved->deselected_at) {
    state.deselected_at = to_monotonic(*saved->deselected_at, now, wall_now());
  }
  return state;
}

}  // namespace

Agent::Agent(asio::any_io_executor executor, const AgentConfig& config,
             std::unique_ptr<SelectionSource> selection, program::Log& log)
    : timer_(executor),
      config_(config),
      selection_(std::move(selection)),
      log_(log),
      start_(clock_now()),
      state_file_(config.state_dir),
      restored_(load_state(state_file_, config.pod.uid, log)),
      tracker_(config.tracker, random_id(), start_, to_persistent(restored_, start_)),
      sampling_({.accept_proc = config.accept_proc}),
      hook_(config.prestop),
      changed_(std::move(executor)) {
  const std::optional<TimePoint> since = tracker_.persistent().deselected_at;
  if (since) deselection_ = {.at = *since, .wall = *restored_->deselected_at};
}

asio::awaitable<void> Agent::run() {
  TimePoint next = clock_now();
  while (!stopped_) {
    tick(clock_now());
    next = std::max(next + config_.tracker.tick, clock_now());  // no drift, and no catching up
    timer_.expires_at(next);
    boost::system::error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

void Agent::stop() {
  stopped_ = true;
  selection_->stop();
  timer_.cancel();
  changed_.notify_all();
}

void Agent::tick(TimePoint now) {
  update_labels();
  const SelectionReport report = selection_->report(now, labels_);
  tracker_.on_selection(now, report);
  // The step to `unknown` tells its reason itself; what follows is told here. A watch that ends and
  // is resumed while the selection stays known is no problem.
  const bool stays_unknown = !tracker_.selection_known() && logged_verdict_ == Verdict::kUnknown;
  log_problem(selection_problem_, stays_unknown ? report.problem : "", "selection");
  sampling_.tick(now, tracker_.watch_closes() || hook_.terminating(), tracker_);
  tracker_.advance(now);
  if (tracker_.wants_confirmation()) sampling_.sample(now, /*with_info=*/false, tracker_);
  advance(now);
  save_state();
  evaluate_hook(now);
}

void Agent::update_labels() {
  if (config_.labels_file.empty()) return;
  labels_ = read_labels(config_.labels_file);
  log_problem(labels_problem_, labels_ ? "" : labels_.error().message, "labels");
}

void Agent::advance(TimePoint now) {
  tracker_.advance(now);
  log_count_problems();
  if (logged_verdict_ == tracker_.verdict()) return;
  log_transition(now);
  logged_verdict_ = tracker_.verdict();
  changed_.notify_all();
}

void Agent::log_transition(TimePoint now) {
  const PodStatus status = tracker_.status(now);
  std::string why;
  for (const Reason& reason : status.reasons) why += (why.empty() ? "" : "; ") + reason.message;
  std::string transition(to_string(status.verdict));
  if (logged_verdict_) transition = std::string(to_string(*logged_verdict_)) + " -> " + transition;
  std::vector<program::LogField> evidence = {
      {"why", why},
      {"open", status.counted ? std::to_string(status.counts.open()) : "unknown"},
      {"quiet_for", for_people(status.quiet_for)},
      {"episode", status.episode}};
  if (status.deselected_for) {
    evidence.emplace_back("deselected_for", for_people(*status.deselected_for));
  }
  log_.info(transition, evidence);
}

// The verdict does not tell while the pod is selected. Said when the set of problems changes.
void Agent::log_count_problems() {
  std::string codes;
  std::string messages;
  for (const Reason& problem : tracker_.count_problems()) {
    codes += (codes.empty() ? "" : ", ") + problem.code;
    messages += (messages.empty() ? "" : "; ") + problem.message;
  }
  if (codes == logged_count_problems_) return;
  log_.info(codes.empty() ? "the count is good" : "the count cannot be relied on",
            {{"why", codes.empty() ? "no problem left" : messages}});
  logged_count_problems_ = codes;
}

// Said once when it begins, changes or ends, not at each tick.
void Agent::log_problem(std::string& last, const std::string& current, const char* what) {
  if (last == current) return;
  if (current.empty()) {
    log_.info(std::string(what) + ": well again");
  } else {
    log_.warning(std::string(what) + ": " + current);
  }
  last = current;
}

std::optional<WallTime> Agent::deselected_at() {
  const std::optional<TimePoint> at = tracker_.persistent().deselected_at;
  if (!at) return std::nullopt;
  if (!deselection_ || deselection_->at != *at) {
    const auto ago = std::chrono::duration_cast<std::chrono::seconds>(clock_now() - *at);
    deselection_ = {.at = *at, .wall = wall_now() - ago};
  }
  return deselection_->wall;
}

void Agent::save_state() {
  const PersistentState state = tracker_.persistent();
  const Result<void> written = state_file_.save({.pod_uid = config_.pod.uid,
                                                 .ever_selected = state.ever_selected,
                                                 .deselected_at = deselected_at(),
                                                 .ports = state.ports});
  log_problem(state_problem_, written ? "" : written.error().message, "state not saved");
}

Agent::Answer Agent::answer(bool with_idle) {
  const TimePoint now = clock_now();
  if (with_idle && (!idle_sampled_at_ || now - *idle_sampled_at_ >= kIdleAtMostEvery)) {
    idle_sampled_at_ = now;
    sampling_.sample(now, /*with_info=*/true, tracker_);
  }
  advance(now);
  return {.verdict = tracker_.verdict(),
          .document = document(snapshot(now), tracker_.details(now))};
}

std::string Agent::metrics() {
  const TimePoint now = clock_now();
  advance(now);
  return metrics_text(snapshot(now), sampling_.stats());
}

Verdict Agent::verdict() {
  advance(clock_now());
  return tracker_.verdict();
}

Snapshot Agent::snapshot(TimePoint now) {
  Snapshot shown{.pod = config_.pod,
                 .labels = labels_ ? *labels_ : Labels(),
                 .status = tracker_.status(now),
                 .deselected_at = deselected_at(),
                 .notes = sampling_.notes(),
                 .selection_source = std::string(selection_->name()),
                 .watch_restarts = selection_->restarts(),
                 .threshold = config_.tracker.threshold,
                 .quiet_period = config_.tracker.quiet_period,
                 .uptime = std::chrono::duration_cast<Millis>(now - start_),
                 .terminating = hook_.terminating()};
  if (!labels_problem_.empty()) shown.notes.push_back({"labels_unreadable", labels_problem_});
  if (!state_problem_.empty()) shown.notes.push_back({"state_not_saved", state_problem_});
  return shown;
}

asio::awaitable<void> Agent::wait_for(Verdict wanted, TimePoint deadline) {
  while (!stopped_ && verdict() != wanted && clock_now() < deadline) {
    co_await changed_.wait_until(deadline);
  }
}

asio::awaitable<std::optional<PrestopOutcome>> Agent::prestop() {
  hook_.on_called(clock_now());
  if (!hook_round_) {
    hook_round_ = std::make_shared<HookRound>();
    log_.info("preStop hook called");
  }
  const std::shared_ptr<HookRound> round = hook_round_;
  refresh_hook();
  while (!stopped_ && !round->outcome) {
    co_await changed_.wait_until(clock_now() + kHookPoll);
    refresh_hook();
  }
  co_return round->outcome;
}

// Between ticks: a count that has grown stale meanwhile, as after a pause of the whole process,
// must not end the wait.
void Agent::refresh_hook() {
  const TimePoint now = clock_now();
  advance(now);
  evaluate_hook(now);
}

void Agent::evaluate_hook(TimePoint now) {
  if (!hook_round_) return;
  PrestopView view{.open = std::nullopt, .last_open = tracker_.last_reset()};
  if (tracker_.count_is_good()) view.open = tracker_.open();
  const PrestopOutcome outcome = hook_.evaluate(now, view);
  if (outcome == PrestopOutcome::kWait) return;
  log_.info("preStop hook returns", {{"because", std::string(to_string(outcome))},
                                     {"open", view.open ? std::to_string(*view.open) : "unknown"}});
  hook_round_->outcome = outcome;
  hook_round_.reset();
  changed_.notify_all();
}

void Agent::terminating() {
  if (!hook_.terminating()) log_.info("the pod is terminating");
  hook_.on_terminating();
}

}  // namespace drainbow
