// DrainTracker under random events: against the reference model, and in a simulated pod whose truth
// is known. rapidcheck prints the seed of a failure; RC_PARAMS="reproduce=..." repeats it.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <ostream>

#include "drain/drain_tracker.h"
#include "drain/sampling_plan.h"
#include "tests/drain/builders.h"
#include "tests/drain/manual_clock.h"
#include "tests/drain/reference_model.h"

namespace drainbow {
namespace {

enum class Kind {
  kPass,
  kOpen,
  kChange,
  kSample,
  kUnchanged,
  kFail,
  kDestroy,
  kUnseen,
  kUnseenOpens,
  kSelection,
};

struct Event {
  Kind kind = Kind::kPass;
  int choice = 0;     // which of the kind's possibilities
  bool flag = false;  // confirmed, with a notification, ...
};

std::ostream& operator<<(std::ostream& out, const Event& event) {
  constexpr const char* kNames[] = {"pass", "open",    "change", "sample",       "unchanged",
                                    "fail", "destroy", "unseen", "unseen opens", "selection"};
  return out << kNames[static_cast<int>(event.kind)] << "(" << event.choice << ", " << event.flag
             << ")";
}

rc::Gen<std::vector<Event>> events() {
  const auto kind = rc::gen::weightedElement<Kind>({{8, Kind::kPass},
                                                    {4, Kind::kOpen},
                                                    {4, Kind::kChange},
                                                    {8, Kind::kSample},
                                                    {1, Kind::kUnchanged},
                                                    {1, Kind::kFail},
                                                    {2, Kind::kDestroy},
                                                    {1, Kind::kUnseen},
                                                    {1, Kind::kUnseenOpens},
                                                    {3, Kind::kSelection}});
  return rc::gen::container<std::vector<Event>>(rc::gen::build<Event>(
      rc::gen::set(&Event::kind, kind), rc::gen::set(&Event::choice, rc::gen::inRange(0, 60)),
      rc::gen::set(&Event::flag, rc::gen::weightedElement<bool>({{4, true}, {1, false}}))));
}

template <typename T, std::size_t kN>
const T& pick(const T (&of)[kN], int choice) {
  return of[static_cast<std::size_t>(choice) % kN];
}

// ---- Against the reference model

class Comparison {
 public:
  Comparison(std::uint64_t threshold, bool was_selected)
      : model_(clock_.now(), threshold),
        tracker_({.threshold = threshold}, "a1", clock_.now(), {}) {
    tracker_.on_network(pod_network());
    tracker_.on_scan(clock_.now(), {.listeners = {listener(kHttp)}, .udp = {}});
    if (!was_selected) return;
    report(SelectionState::kSelected);
    report(SelectionState::kDeselected);
  }

  void apply(const Event& event) {
    const std::string episode = tracker_.status(clock_.now()).episode;
    const int happenings = model_.happenings();
    tell(event);
    const TimePoint now = clock_.now();
    tracker_.on_scan(now, {.listeners = {listener(kHttp)}, .udp = {}});
    tracker_.advance(now);
    const PodStatus status = tracker_.status(now);
    RC_ASSERT(to_string(status.verdict) == to_string(model_.verdict(now)));
    RC_ASSERT(status.counts.open() == model_.open());
    RC_ASSERT(status.quiet_for == model_.quiet_for(now));
    RC_ASSERT((status.episode == episode) == (model_.happenings() == happenings));
    was_drained_ |= status.verdict == Verdict::kDrained;
  }

  bool was_drained() const { return was_drained_; }

 private:
  TcpSocket new_socket(int choice) {
    Socket socket = established(++last_cookie_);
    switch (choice % 8) {
      case 0:
      case 1:
      case 2:
        return std::move(socket).from(kNode);
      case 3:
        return std::move(socket).from("127.0.0.1");
      case 4:
        return std::move(socket).in(TcpState::kNewSynRecv);
      default:
        return socket;
    }
  }

  void tell(const Event& event) {
    static constexpr Millis kSteps[] = {Millis(1),    Millis(500),   Millis(999),   Millis(1000),
                                        Millis(1001), Millis(2000),  Millis(5000),  Millis(5001),
                                        Millis(9999), Millis(15000), Millis(30000), Millis(150001)};
    static constexpr TcpState kStates[] = {TcpState::kEstablished, TcpState::kCloseWait,
                                           TcpState::kFinWait1, TcpState::kClosing,
                                           TcpState::kLastAck};
    const TimePoint now = clock_.now();
    const std::size_t at =
        sockets_.empty() ? 0 : static_cast<std::size_t>(event.choice) % sockets_.size();
    switch (event.kind) {
      case Kind::kPass:
        model_.pass(clock_.advance(event.flag ? pick(kSteps, event.choice) : seconds(30)));
        if (event.flag) return;
        tracker_.advance(clock_.now());
        report(told_);  // the quiet half minute that a drained verdict takes
        sample(true, 0);
        return;
      case Kind::kOpen:
        sockets_.push_back(new_socket(event.choice));
        return;
      case Kind::kChange:
        if (sockets_.empty()) return;
        if (event.flag) {
          sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
          sockets_[at].state = pick(kStates, event.choice);
          sockets_[at].send_queue = static_cast<std::uint32_t>(event.choice % 3);
        }
        return;
      case Kind::kSample:
        sample(event.flag, at);
        return;
      case Kind::kUnchanged:
        if (!sampled_) return;
        model_.unchanged(now);
        tracker_.on_unchanged(now);
        return;
      case Kind::kFail:
        model_.failed(now);
        tracker_.on_sample_error(Error{"no luck"});
        return;
      case Kind::kDestroy: {
        if (sockets_.empty()) return;
        TcpSocket gone = sockets_[at];
        sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(at));
        gone.state = TcpState::kClose;
        model_.destroyed(now, gone);
        tracker_.on_destroyed(now, gone);
        return;
      }
      case Kind::kUnseen: {
        const TcpSocket gone = new_socket(event.choice);
        model_.destroyed(now, gone);
        tracker_.on_destroyed(now, gone);
        return;
      }
      case Kind::kUnseenOpens:
        model_.unseen_opens(now);
        tracker_.on_unseen_opens(now);
        return;
      case Kind::kSelection: {
        static constexpr SelectionState kTold[] = {
            SelectionState::kDeselected, SelectionState::kDeselected, SelectionState::kSelected,
            SelectionState::kUnknown};
        report(pick(kTold, event.choice));
        return;
      }
    }
  }

  void report(SelectionState state) {
    told_ = state;
    model_.selection(clock_.now(), state);
    tracker_.on_selection(clock_.now(), {.state = state, .proven_at = clock_.now()});
  }

  // An unconfirmed one misses the socket at this place.
  void sample(bool confirmed, std::size_t missed) {
    auto seen = sockets_;
    if (!confirmed && !seen.empty()) seen.erase(seen.begin() + static_cast<std::ptrdiff_t>(missed));
    model_.sample(clock_.now(), seen, confirmed);
    tracker_.on_sample(clock_.now(),
                       {.sockets = seen, .listeners = {listener(kHttp)}, .confirmed = confirmed},
                       false);
    sampled_ = true;
  }

  ManualClock clock_;
  ReferenceModel model_;
  DrainTracker tracker_;
  SelectionState told_ = SelectionState::kUnknown;
  std::vector<TcpSocket> sockets_;
  std::uint64_t last_cookie_ = 0;
  bool sampled_ = false;
  bool was_drained_ = false;
};

RC_GTEST_PROP(DrainTrackerProperty, AgreesWithTheReferenceModel, ()) {
  const auto threshold = *rc::gen::inRange<std::uint64_t>(0, 3);
  Comparison comparison(threshold, *rc::gen::arbitrary<bool>());
  for (const Event& event : *events()) comparison.apply(event);
  RC_CLASSIFY(comparison.was_drained(), "drained");
}

// ---- In a simulated pod

// The kernel, the Services and an agent that ticks every second, as its own code does: network,
// notifications, counters, plan, sample, scan, verdict.
class SimulatedPod {
 public:
  SimulatedPod() : tracker_({}, "a1", clock_.now(), {}) { tick(); }

  // Up to a tick's time, in which this happens.
  void live(const Event& event) {
    const TimePoint next_tick = last_tick_ + seconds(1);
    const Millis until = std::chrono::duration_cast<Millis>(next_tick - clock_.now());
    if (event.kind == Kind::kPass) {
      for (int i = 0; i <= event.choice; ++i) wait_for_tick();
      return;
    }
    clock_.advance(until * (event.choice % 10) / 20);
    happen(event);
    if (event.flag) wait_for_tick();
  }

  bool was_drained() const { return was_drained_; }

  // The dumps see all, every client goes and the Services move on: 32 s later it is drained.
  void end() {
    select(true);
    wait_for_tick();
    select(false);
    while (!alive_.empty()) destroy(0);
    pending_.insert(pending_.end(), lingering_.begin(), lingering_.end());
    lingering_.clear();
    hide_next_ = false;
    for (int i = 0; i < 32; ++i) wait_for_tick();
    RC_ASSERT(tracker_.verdict() == Verdict::kDrained);
  }

 private:
  struct Alive {
    TcpSocket socket;
    std::optional<TimePoint> sampled;  // a sample has shown it first then
  };

  bool inbound(const TcpSocket& socket) const { return socket.local_port == kHttp; }
  bool from_node(const TcpSocket& socket) const { return socket.peer == ip(kNode); }

  void happen(const Event& event) {
    static constexpr TcpState kClosing[] = {TcpState::kFinWait1, TcpState::kLastAck};
    const std::size_t at =
        alive_.empty() ? 0 : static_cast<std::size_t>(event.choice) % alive_.size();
    switch (event.kind) {
      case Kind::kOpen:
      case Kind::kUnseenOpens:
        open(event.choice);
        return;
      case Kind::kUnseen:  // it comes and goes
        open(event.choice);
        destroy(alive_.size() - 1);
        return;
      case Kind::kChange:
        if (alive_.empty()) return;
        if (event.flag) return finish(at);
        alive_[at].socket.state = pick(kClosing, event.choice);
        alive_[at].socket.send_queue = static_cast<std::uint32_t>(event.choice % 3);
        return;
      case Kind::kDestroy:
        if (!alive_.empty()) destroy(at);
        return;
      case Kind::kSample:
      case Kind::kUnchanged:
        hide_next_ = event.choice % 4 == 0;
        return;
      case Kind::kFail:
        fail_next_ = true;
        return;
      case Kind::kSelection:
        return select(event.choice % 4 == 0);
      case Kind::kPass:
        return;
    }
  }

  void open(int choice) {
    Socket socket = established(++last_cookie_);
    if (choice % 3 == 1) socket = std::move(socket).from(kNode);
    if (choice % 3 == 2) socket = std::move(socket).on(40000).from("10.2.0.1");  // outbound
    ++(inbound(socket) ? counters_.passive_opens : counters_.active_opens);
    if (inbound(socket) && !from_node(socket)) client_opened_ = clock_.now();
    alive_.push_back({.socket = socket, .sampled = {}});
  }
  void destroy(std::size_t at) {
    pending_.push_back(alive_[at].socket);
    alive_.erase(alive_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  // FIN_WAIT2: no sample shows it any more, and it is destroyed later. One that goes there before
  // any sample has seen it is noticed only then: left out here.
  void finish(std::size_t at) {
    if (!alive_[at].sampled) return destroy(at);
    lingering_.push_back(alive_[at].socket);
    alive_.erase(alive_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void select(bool selected) { selected_ = selected; }

  TcpCounters counters() const {
    TcpCounters now = counters_;
    now.current_established =
        static_cast<std::uint64_t>(std::ranges::count_if(alive_, [](const Alive& alive) {
          return alive.socket.state == TcpState::kEstablished ||
                 alive.socket.state == TcpState::kCloseWait;
        }));
    return now;
  }

  void take_sample() {
    const TimePoint now = clock_.now();
    if (std::exchange(fail_next_, false)) {
      state_.last_failed = true;
      tracker_.on_sample_error(Error{"no luck"});
      return;
    }
    Sample sample{.listeners = {listener(kHttp)},
                  .confirmed = true,
                  .passive_opens = counters_.passive_opens};
    for (Alive& alive : alive_) {
      if (hide_next_) {  // churn hides a socket from a dump, an old one or a new one
        hide_next_ = sample.confirmed = false;
        continue;
      }
      if (!alive.sampled) alive.sampled = now;
      sample.sockets.push_back(alive.socket);
    }
    state_.last_failed = false;
    state_.last_confirmed = sample.confirmed;
    state_.last_sample = now;
    base_ = counters();
    tracker_.on_sample(now, std::move(sample), false);
  }

  void tick() {
    const TimePoint now = last_tick_ = clock_.now();
    if (selected_) selected_at_ = now;
    tracker_.on_selection(
        now, {.state = selected_ ? SelectionState::kSelected : SelectionState::kDeselected,
              .proven_at = now});
    tracker_.on_network(pod_network());
    for (const TcpSocket& socket : pending_) {
      if (tracker_.watch_closes()) tracker_.on_destroyed(now, socket);
    }
    pending_.clear();
    if (lingering_.size() > 3) {
      pending_.push_back(lingering_.front());
      lingering_.erase(lingering_.begin());
    }
    state_.counters_unchanged = base_ == counters();
    state_.lingering = tracker_.lingering();
    state_.port_seen = tracker_.port_seen();
    const SamplingSteps steps = plan_sampling(now, state_);
    if (steps.sample) {
      take_sample();
    } else {
      tracker_.on_unchanged(now);
    }
    if (steps.scan) {
      tracker_.on_scan(now, {.listeners = {listener(kHttp)}, .udp = {}});
      state_.last_scan = now;
    }
    tracker_.advance(now);
    if (tracker_.wants_confirmation()) {
      take_sample();
      tracker_.advance(now);
    }
    check(now);
  }

  void wait_for_tick() {
    clock_.advance(std::chrono::duration_cast<Millis>(last_tick_ + seconds(1) - clock_.now()));
    tick();
  }

  // What a wrong `drained` would be.
  void check(TimePoint now) {
    if (tracker_.verdict() != Verdict::kDrained) return;
    was_drained_ = true;
    RC_ASSERT(!selected_);
    RC_ASSERT(now - selected_at_ > seconds(30));
    // The inner parentheses keep RapidCheck from evaluating both sides.
    RC_ASSERT((!client_opened_ || now - *client_opened_ >= seconds(30)));
    for (const Alive& alive : alive_) {
      if (!inbound(alive.socket) || !state_counts(alive.socket)) continue;
      RC_ASSERT(from_node(alive.socket));
      RC_ASSERT((alive.sampled && now - *alive.sampled < seconds(1)));
    }
  }

  ManualClock clock_;
  DrainTracker tracker_;
  TimePoint last_tick_;
  bool selected_ = true;
  TimePoint selected_at_;  // last, at a tick
  std::vector<Alive> alive_;
  std::vector<TcpSocket> lingering_;  // FIN_WAIT2
  std::vector<TcpSocket> pending_;    // notifications not yet read
  std::optional<TimePoint> client_opened_;
  TcpCounters counters_;
  std::optional<TcpCounters> base_;
  SamplingState state_;
  bool hide_next_ = false;
  bool fail_next_ = false;
  bool was_drained_ = false;
  std::uint64_t last_cookie_ = 0;
};

RC_GTEST_PROP(SimulatedPodProperty, DrainedIsAlwaysTrueAndComesInTheEnd, ()) {
  SimulatedPod pod;
  for (const Event& event : *events()) pod.live(event);
  RC_CLASSIFY(pod.was_drained(), "drained before the end");
  pod.end();
}

// Two looks with the same episode: nothing came in between.
RC_GTEST_PROP(EpisodeProperty, StaysWhileOnlyTimeClosesAndFailuresPass, ()) {
  ManualClock clock;
  DrainTracker tracker({}, "a1", clock.now(), {.ever_selected = true});
  tracker.on_network(pod_network());
  std::vector<TcpSocket> sockets;
  for (std::uint64_t cookie = 1; cookie <= 20; ++cookie) sockets.push_back(established(cookie));
  const auto sample = [&](bool confirmed) {
    tracker.on_sample(clock.now(), {.sockets = sockets, .confirmed = confirmed}, false);
  };
  sample(true);
  tracker.on_selection(clock.now(),
                       {.state = SelectionState::kDeselected, .proven_at = clock.now()});
  const std::string before = tracker.status(clock.now()).episode;
  for (const Event& event : *events()) {
    tracker.advance(clock.advance(Millis(event.choice * 100)));
    if (event.kind == Kind::kFail) tracker.on_sample_error(Error{"no luck"});
    if (event.kind == Kind::kSelection) tracker.on_selection(clock.now(), {});
    if (event.kind == Kind::kDestroy && !sockets.empty()) sockets.pop_back();
    if (event.kind == Kind::kChange && !sockets.empty()) {
      sockets.front().state = TcpState::kCloseWait;
    }
    if (event.kind == Kind::kSample) sample(event.flag);
    tracker.advance(clock.now());
    RC_ASSERT(tracker.status(clock.now()).episode == before);
  }
}

}  // namespace
}  // namespace drainbow
