// A pod whose agent does its work as it should: what happens in the pod is told to a DrainTracker.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "drain/drain_tracker.h"
#include "tests/drain/builders.h"
#include "tests/drain/manual_clock.h"

namespace drainbow {

class ObservedPod {
 public:
  // The app listens on kHttp; the agent has just started and taken its first sample.
  explicit ObservedPod(TrackerConfig config = {}, PersistentState restored = {},
                       std::vector<TcpSocket> at_start = {})
      : tracker(std::move(config), "a1", clock.now(), std::move(restored)),
        sockets(std::move(at_start)) {
    tracker.on_network(pod_network());
    look();
  }

  TimePoint now() const { return clock.now(); }

  // The Services change, and the agent hears of it.
  void select() { report({.state = SelectionState::kSelected, .services = {"web"}}); }
  void deselect() { report({.state = SelectionState::kDeselected}); }
  void report(SelectionReport news) {
    news.proven_at = now();
    selection = std::move(news);
    tracker.on_selection(now(), selection);
    tracker.advance(now());
  }

  void open(TcpSocket socket) { sockets.push_back(std::move(socket)); }
  void close(std::uint64_t cookie) {
    std::erase_if(sockets, [&](const TcpSocket& socket) { return socket.cookie == cookie; });
  }
  TcpSocket& socket(std::uint64_t cookie) {
    return *std::ranges::find(sockets, cookie, &TcpSocket::cookie);
  }

  // The agent looks at this instant.
  void scan() { tracker.on_scan(now(), {.listeners = listeners, .udp = udp}); }
  void sample(bool confirmed = true) {
    tracker.on_sample(now(),
                      {.sockets = sockets,
                       .listeners = listeners,
                       .confirmed = confirmed,
                       .passive_opens = passive_opens},
                      with_info);
    tracker.advance(now());
  }
  // A dump in which churn has hidden this one.
  void sample_that_misses(std::uint64_t cookie) {
    auto all = sockets;
    close(cookie);
    sample(false);
    sockets = std::move(all);
  }
  void look() {
    scan();
    sample();
  }
  void see(TcpSocket socket) {
    open(std::move(socket));
    sample();
  }
  void miss(std::uint64_t cookie) {
    close(cookie);
    sample();
  }
  void destroyed(TcpSocket socket) {
    socket.state = TcpState::kClose;
    tracker.on_destroyed(now(), socket);
    tracker.advance(now());
  }
  void fail() {
    tracker.on_sample_error(Error{"no luck"});
    tracker.advance(now());
  }

  // Time passes, and then the agent finds that its last set of sockets still holds.
  void hold(Millis time) {
    clock.advance(time);
    tracker.on_unchanged(now());
    tracker.advance(now());
  }
  // Time passes, and the agent sees nothing.
  void pass(Millis time) { tracker.advance(clock.advance(time)); }
  // Time passes, and the agent looks every second and at the end.
  void live(Millis time) {
    while (time > Millis(0)) {
      const Millis step = std::min<Millis>(time, seconds(1));
      time -= step;
      clock.advance(step);
      if (selection.state != SelectionState::kUnknown) report(selection);
      look();
    }
  }

  PodStatus status() const { return tracker.status(now()); }
  Verdict verdict() const { return tracker.verdict(); }
  std::string episode() const { return status().episode; }
  Millis quiet_for() const { return status().quiet_for; }
  std::vector<std::string> reasons() const { return codes(status().reasons); }

  ManualClock clock;
  DrainTracker tracker;
  std::vector<TcpSocket> sockets;
  std::vector<Listener> listeners = {listener(kHttp)};
  std::vector<UdpSocket> udp;
  std::uint64_t passive_opens = 0;
  SelectionReport selection;
  bool with_info = false;
};

// Was selected for a second, and is deselected now.
inline ObservedPod deselected_pod(TrackerConfig config = {}) {
  ObservedPod pod(std::move(config));
  pod.select();
  pod.live(seconds(1));
  pod.deselect();
  return pod;
}

inline ObservedPod drained_pod(TrackerConfig config = {}) {
  ObservedPod pod = deselected_pod(std::move(config));
  pod.live(seconds(30));
  return pod;
}

}  // namespace drainbow
