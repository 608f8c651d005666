// An agent's state machine: what it has seen of one pod, and what follows from it now.
//
// Everything it knows comes in through the on_...() calls; every instant is an argument. It belongs
// to one thread. Nothing in it is persistent but PersistentState.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "drain/count.h"
#include "drain/socket.h"
#include "drain/time.h"
#include "drain/verdict.h"

namespace drainbow {

struct TrackerConfig {
  CountPolicy count;
  std::uint64_t threshold = 0;  // --threshold: so many open connections are as good as none
  Millis quiet_period{30'000};  // --quiet-period
  Millis tick{1000};            // --tick: how often samples come; bounds their freshness
};

// What a selection source knows at one instant.
struct SelectionReport {
  SelectionState state = SelectionState::kUnknown;
  std::vector<std::string> services;      // that select the pod
  std::vector<Reason> notes;              // worth showing whatever the verdict
  std::string problem;                    // why it is unknown, or why the source is broken
  std::optional<TimePoint> proven_at;     // the last proof that `state` was current
  std::optional<TimePoint> broken_since;  // the source has been unable to follow since then
};

// What survives a restart of the agent in the same pod. Cookies, quiet and drained times do not.
struct PersistentState {
  bool ever_selected = false;
  std::optional<TimePoint> deselected_at;  // of the current deselection; nothing while selected
  std::set<std::uint16_t> ports;           // counted ports, in automatic mode

  bool operator==(const PersistentState&) const = default;
};

// The document's content, as of one instant. Durations are ages and remaining times, never
// instants.
struct PodStatus {
  Verdict verdict = Verdict::kUnknown;
  std::vector<Reason> reasons;

  SelectionState selection = SelectionState::kUnknown;
  std::vector<std::string> services;
  bool ever_selected = false;
  std::optional<Millis> selection_age;  // of the last proof; nothing if there never was one
  std::optional<Millis> deselected_for;

  bool counted = false;  // false: there is no sample yet, and `counts` says nothing
  // The count is fresh, nothing is known to be missing from it, and no connection left it in a
  // sample that may only have missed it.
  bool complete = false;
  Counts counts;
  std::optional<Millis> oldest_age;
  std::optional<Millis> sample_age;
  SampleMethod sample_method = SampleMethod::kDump;
  std::map<std::uint16_t, std::uint64_t> opened_by_port;  // since the agent's start
  std::uint64_t lost_total = 0;

  Millis quiet_for{0};
  std::optional<Millis> drained_for;
  std::string episode;
};

// An open connection, for the document only.
struct ConnectionDetail {
  IpAddress peer;
  std::uint16_t peer_port = 0;
  std::uint16_t local_port = 0;
  TcpState state = TcpState::kEstablished;
  Millis age{0};
  std::optional<Millis> idle;  // nothing: not known
};

struct ConnectionDetails {
  std::vector<ConnectionDetail> oldest;  // open ones, oldest first, at most Counts::kOldest
  // How many open ones have been silent for at least each of kIdleSteps. Nothing when idle times
  // are not known.
  std::optional<std::array<std::uint64_t, kIdleSteps.size()>> idle_over;
};
class DrainTracker {
 public:
  // A sample holds for three ticks, and at least for this long.
  static constexpr Millis kSampleFresh{5'000};
  // Listeners and UDP sockets hold for three ticks, and at least for this long: three scans.
  static constexpr Millis kScanFresh{30'000};
  // A selection holds while its source follows the cluster (bookmarks come about once a minute),
  // ...
  static constexpr Millis kSelectionFresh{150'000};
  // ... and for so long after it broke off.
  static constexpr Millis kSelectionFreshBroken{10'000};
  // Idle times are shown for so long after the sample that brought them.
  static constexpr Millis kIdleFresh{10'000};
  // Connections that end within this time after their listener count as lost: the process died.
  static constexpr Millis kLostWindow{2'000};
  // Cookies of connections remembered between their end and their socket's destruction.
  static constexpr std::size_t kMostDeparted = 4096;
  // Connections remembered from their absence in an unconfirmed sample to the next confirmed one.
  static constexpr std::size_t kMostMissed = 16384;

  // `start_id` makes episodes of different agent runs differ.
  DrainTracker(TrackerConfig config, std::string start_id, TimePoint start,
               PersistentState restored);

  void on_selection(TimePoint now, SelectionReport report);
  void on_network(const NetworkIdentity& network);
  // Addresses can't be read: a host-network pod could not be told apart.
  void on_network_error(const Error& error);
  void on_scan(TimePoint now, const Scan& scan);
  // `with_info`: the sample carries idle times.
  void on_sample(TimePoint now, Sample sample, bool with_info);
  // The counters did not move since the last sample: its set of sockets still holds.
  void on_unchanged(TimePoint now);
  void on_sample_error(const Error& error);
  void on_scan_error(const Error& error);
  // False: the tables in use are known to hide connections (SocketSampler::trustworthy).
  void set_trustworthy(bool trustworthy) { trustworthy_ = trustworthy; }
  // A connection ended; perhaps one that no sample has seen.
  void on_destroyed(TimePoint now, const TcpSocket& socket);
  // Notifications were lost, and connections came meanwhile that no sample accounts for.
  void on_unseen_opens(TimePoint now);

  // Brings everything that depends on time alone up to `now`: ages, quiet, episode, verdict. To be
  // called once a tick, after the tick's events, and before status().
  void advance(TimePoint now);

  PodStatus status(TimePoint now) const;
  ConnectionDetails details(TimePoint now) const;
  PersistentState persistent() const;
  Verdict verdict() const { return judgement_.verdict; }

  // Everything but a confirmed sample speaks for `drained`: take one now.
  bool wants_confirmation() const { return wants_confirmation_; }
  // Some socket is in a state whose end the counters do not tell.
  bool lingering() const { return lingering_; }
  bool port_seen() const { return ports_.ever_seen_listening(); }
  bool selection_known() const { return selection_ != SelectionState::kUnknown; }
  // Not known to be selected: connections that come and go between two samples matter now.
  bool watch_closes() const { return selection_ != SelectionState::kSelected; }
  // For hooks.
  std::uint64_t open() const { return counts_.open(); }
  bool count_is_good() const { return count_problems_.empty() && confirmed_at_.has_value(); }
  const std::vector<Reason>& count_problems() const { return count_problems_; }
  std::optional<TimePoint> last_reset() const { return last_reset_; }

 private:
  using ListenerCookies = std::map<std::uint16_t, std::set<std::uint64_t>>;

  void note_listeners(TimePoint now, const std::vector<Listener>& listeners);
  // Returns whether a connection that counts, or soon would, is gone without a notification.
  bool merge(TimePoint now, std::vector<TcpSocket> sockets, bool confirmed);
  void depart(const TrackedConnection& gone, bool confirmed);
  // When the set of sockets was last known to hold. Classes are as of then: a connection must not
  // come of age while nobody looks whether it is still there.
  TimePoint held_at() const { return sampled_at_.value_or(watched_since_); }
  std::optional<ConnectionClass> class_of(const TrackedConnection& connection) const;
  // Classes and opens anew.
  void refresh();
  void note_open(TimePoint now, TrackedConnection& connection);
  void reset_quiet(TimePoint at);
  void recount();
  void release_unused_ports();
  void follow_selection(TimePoint now);
  void rejudge(TimePoint now);

  Millis selection_limit() const;
  bool selection_is_fresh(TimePoint now) const;
  std::string selection_problem(TimePoint now) const;
  Millis sample_limit() const;
  Millis scan_limit() const;
  std::vector<Reason> find_count_problems(TimePoint now) const;
  TimePoint quiet_since() const;
  PodFacts facts(TimePoint now) const;

  const TrackerConfig config_;
  const std::string start_id_;
  TimePoint watched_since_;  // the agent's start, then its first sample: nobody looked before

  // Selection.
  SelectionReport report_;
  SelectionState selection_ = SelectionState::kUnknown;  // in effect: the report's, while fresh
  bool ever_selected_;
  std::optional<TimePoint> deselected_at_;

  // Sockets.
  NetworkIdentity network_;
  std::optional<Error> network_error_{Error{"the pod's addresses were not read yet"}};
  CountedPorts ports_;
  ListenerCookies listeners_;
  std::map<std::uint16_t, TimePoint> listener_ended_;
  std::set<std::uint16_t> udp_ports_;
  std::vector<TrackedConnection> connections_;  // by cookie
  std::set<std::uint64_t> departed_;            // cookies that left the sample, not yet destroyed
  // Not in the last sample, which was unconfirmed: gone, or about to come back with all its age. A
  // connection from the node would otherwise be taken for a probe then.
  std::map<std::uint64_t, TrackedConnection> missed_;
  Counts counts_;
  bool outdated_ = false;  // counts_: ports or addresses have changed since
  bool lingering_ = false;
  bool trustworthy_ = true;
  std::optional<TimePoint> scanned_at_;
  std::optional<TimePoint> sampled_at_;                   // the count held then
  std::optional<TimePoint> confirmed_at_;                 // a confirmed full sample
  std::optional<std::uint64_t> confirmed_passive_opens_;  // as of then
  std::optional<TimePoint> info_at_;                      // a sample with idle times
  std::optional<Error> sample_error_;                     // of the last attempt
  std::optional<Error> scan_error_;                       // likewise
  SampleMethod method_ = SampleMethod::kDump;
  std::map<std::uint16_t, std::uint64_t> opened_by_port_;
  std::uint64_t lost_total_ = 0;
  std::uint64_t lost_before_ = 0;  // this deselection

  // Quiet and verdict.
  std::optional<TimePoint> last_reset_;  // by a connection
  std::uint64_t episode_ = 1;
  bool above_threshold_ = false;
  std::vector<Reason> count_problems_;
  Judgement judgement_;
  bool wants_confirmation_ = false;
  std::optional<TimePoint> drained_since_;
};

}  // namespace drainbow
