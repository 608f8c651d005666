#include "drain/drain_tracker.h"

#include <algorithm>
#include <utility>

namespace drainbow {
namespace {

Millis since(TimePoint then, TimePoint now) {
  return std::max(Millis(0), std::chrono::duration_cast<Millis>(now - then));
}

std::string list_ports(const auto& ports) {
  std::string text;
  for (const std::uint16_t port : ports) text += (text.empty() ? "" : ", ") + std::to_string(port);
  return text;
}

bool is_half_open(const TcpSocket& socket) {
  return socket.state == TcpState::kSynRecv || socket.state == TcpState::kNewSynRecv;
}

// Neither CurrEstab nor any other counter moves when such a socket ends.
bool end_is_uncounted(TcpState state) {
  return state == TcpState::kSynRecv || state == TcpState::kNewSynRecv ||
         state == TcpState::kFinWait1 || state == TcpState::kClosing || state == TcpState::kLastAck;
}

// A closing socket with nothing but its FIN on the way does not count any more, but it did: seen
// like that for the first time, it came and went since the last sample.
bool is_over(const TcpSocket& socket) { return !is_half_open(socket) && !state_counts(socket); }

TrackedConnection before_its_end(TrackedConnection connection) {
  if (is_over(connection.socket)) connection.socket.state = TcpState::kEstablished;
  return connection;
}

// The same connection, in a later sample.
void go_on(const TrackedConnection& before, TrackedConnection& now_is) {
  if (!is_half_open(before.socket)) {  // a half-open one starts its life when established
    now_is.first_seen = before.first_seen;
    now_is.from_start = before.from_start;
    now_is.opened = before.opened;
    now_is.reset_quiet = before.reset_quiet;
  }
  if (!now_is.socket.idle) now_is.socket.idle = before.socket.idle;
}

}  // namespace

DrainTracker::DrainTracker(TrackerConfig config, std::string start_id, TimePoint start,
                           PersistentState restored)
    : config_(std::move(config)),
      start_id_(std::move(start_id)),
      watched_since_(start),
      ever_selected_(restored.ever_selected),
      deselected_at_(restored.deselected_at),
      ports_(config_.count, std::move(restored.ports)) {
  // A wall clock that was set back meanwhile must not hold up the quiet clock.
  if (deselected_at_) deselected_at_ = std::min(*deselected_at_, start);
  report_.problem = "the selection was not read yet";
  rejudge(start);
}

void DrainTracker::on_selection(TimePoint now, SelectionReport report) {
  report_ = std::move(report);
  follow_selection(now);
}

void DrainTracker::on_network(const NetworkIdentity& network) {
  outdated_ = outdated_ || network != network_;
  network_ = network;
  network_error_.reset();
}

void DrainTracker::on_network_error(const Error& error) { network_error_ = error; }

void DrainTracker::on_scan(TimePoint now, const Scan& scan) {
  scanned_at_ = now;
  scan_error_.reset();
  udp_ports_ = unseen_udp_ports(scan.udp, config_.count, network_);
  note_listeners(now, scan.listeners);
  refresh();
}

void DrainTracker::on_sample(TimePoint now, Sample sample, bool with_info) {
  const bool first = !sampled_at_;
  note_listeners(now, sample.listeners);
  const bool some_gone = merge(now, std::move(sample.sockets), sample.confirmed);
  // Every inbound connection that is established raises PassiveOpens.
  const bool may_hide_new = sample.passive_opens != confirmed_passive_opens_;
  if (first) {
    watched_since_ = now;
    for (TrackedConnection& connection : connections_) connection.from_start = true;
  }
  sampled_at_ = now;
  sample_error_.reset();
  method_ = sample.method;
  if (with_info) info_at_ = now;
  if (sample.confirmed) {
    confirmed_at_ = now;
    confirmed_passive_opens_ = sample.passive_opens;
    missed_.clear();
    release_unused_ports();  // an unconfirmed sample may have missed the connections that hold one
  } else if (some_gone || may_hide_new) {
    confirmed_at_.reset();  // what is gone may only be missed, and what is new not be seen
  }
  refresh();
}

void DrainTracker::on_unchanged(TimePoint now) {
  if (!sampled_at_) return;  // there is no set that could hold
  sampled_at_ = now;
  sample_error_.reset();
}

void DrainTracker::on_sample_error(const Error& error) { sample_error_ = error; }

void DrainTracker::on_scan_error(const Error& error) { scan_error_ = error; }

void DrainTracker::on_destroyed(TimePoint now, const TcpSocket& socket) {
  const auto known = std::ranges::lower_bound(
      connections_, socket.cookie, {}, [](const TrackedConnection& c) { return c.socket.cookie; });
  if (known != connections_.end() && known->socket.cookie == socket.cookie) {
    known->destroyed = true;
    // A handshake that fails is not notified: a half-open one was established meanwhile.
    if (!is_half_open(known->socket)) return;
  } else if (departed_.erase(socket.cookie) > 0) {
    return;
  }

  // It came and went since the last sample. A notification's state is CLOSE; it was established.
  TrackedConnection unseen{.socket = socket, .first_seen = now};
  unseen.socket.state = TcpState::kEstablished;
  note_open(now, unseen);
  // How long a connection from the node lived is not told, only that no sample saw it. Unless the
  // last one is longer ago than ticks make it, it was too young to count.
  const bool may_be_of_age =
      !sampled_at_ || now - *sampled_at_ > config_.count.transient_age + config_.tick;
  if (unseen.opened && !unseen.reset_quiet && may_be_of_age) reset_quiet(now);
}

void DrainTracker::on_unseen_opens(TimePoint now) { reset_quiet(now); }

void DrainTracker::advance(TimePoint now) {
  follow_selection(now);
  if (outdated_ || (counts_.next_change && *counts_.next_change <= sampled_at_)) refresh();
  rejudge(now);
}

void DrainTracker::note_listeners(TimePoint now, const std::vector<Listener>& listeners) {
  ListenerCookies current;
  for (const Listener& listener : listeners) current[listener.port].insert(listener.cookie);
  for (const auto& [port, cookies] : listeners_) {
    const auto still = current.find(port);
    if (still == current.end() || !std::ranges::includes(still->second, cookies)) {
      listener_ended_[port] = now;
    }
  }
  std::erase_if(listener_ended_,
                [&](const auto& ended) { return now - ended.second > kLostWindow; });
  listeners_ = std::move(current);
  ports_.on_listeners(listeners);
}

bool DrainTracker::merge(TimePoint now, std::vector<TcpSocket> sockets, bool confirmed) {
  std::ranges::sort(sockets, {}, &TcpSocket::cookie);
  std::vector<TrackedConnection> merged;
  merged.reserve(sockets.size());
  bool some_gone = false;
  auto before = connections_.begin();
  const auto depart_until = [&](std::uint64_t cookie) {
    for (; before != connections_.end() && before->socket.cookie < cookie; ++before) {
      const auto was = class_of(*before);
      some_gone |= !before->destroyed &&
                   (was == ConnectionClass::kOpen || was == ConnectionClass::kTransient);
      depart(*before, confirmed);
    }
  };
  for (TcpSocket& socket : sockets) {
    depart_until(socket.cookie);
    TrackedConnection connection{.socket = std::move(socket), .first_seen = now};
    if (before != connections_.end() && before->socket.cookie == connection.socket.cookie) {
      go_on(*before, connection);
      ++before;
    } else if (const auto missed = missed_.find(connection.socket.cookie);
               missed != missed_.end()) {
      go_on(missed->second, connection);
      missed_.erase(missed);
    }
    merged.push_back(std::move(connection));
  }
  depart_until(UINT64_MAX);
  connections_ = std::move(merged);
  return some_gone;
}

void DrainTracker::depart(const TrackedConnection& gone, bool confirmed) {
  // A half-open one was no connection yet: if it became one, its destruction tells of it.
  if (!gone.destroyed && !is_half_open(gone.socket)) {
    // Most of these were never to be notified: nobody listens while the pod is selected. Forgetting
    // too many can only restart the quiet clock.
    if (departed_.size() == kMostDeparted) departed_.clear();
    departed_.insert(gone.socket.cookie);
    // While selected this would grow with every request, and nothing depends on it.
    const bool matters = !confirmed && selection_ != SelectionState::kSelected;
    if (matters && missed_.size() < kMostMissed) missed_.emplace(gone.socket.cookie, gone);
  }
  if (selection_ == SelectionState::kSelected ||
      !listener_ended_.contains(gone.socket.local_port)) {
    return;
  }
  if (class_of(gone) == ConnectionClass::kOpen) ++lost_total_;
}

std::optional<ConnectionClass> DrainTracker::class_of(const TrackedConnection& connection) const {
  return classify(connection, config_.count, ports_, network_, held_at());
}

void DrainTracker::refresh() {
  outdated_ = false;
  for (TrackedConnection& connection : connections_) note_open(held_at(), connection);
  recount();
}

// First sight of a counted connection resets the quiet clock; of one from the node only once it is
// older than kubelet's probes get.
void DrainTracker::note_open(TimePoint now, TrackedConnection& connection) {
  if (connection.reset_quiet) return;
  const auto now_is = classify(before_its_end(connection), config_.count, ports_, network_, now);
  if (now_is != ConnectionClass::kOpen && now_is != ConnectionClass::kTransient) return;
  if (!connection.opened) {
    connection.opened = true;
    if (connection.from_start) {
      connection.reset_quiet = true;  // the agent's start is a reset already
      return;
    }
    ++opened_by_port_[connection.socket.local_port];
  }
  const bool of_age = now_is == ConnectionClass::kOpen && !is_over(connection.socket);
  if (of_age || !is_node(connection.socket.peer, config_.count, network_)) {
    connection.reset_quiet = true;
    reset_quiet(now);
  }
}

void DrainTracker::reset_quiet(TimePoint at) {
  last_reset_ = at;
  ++episode_;
}

void DrainTracker::recount() {
  counts_ = count(connections_, config_.count, ports_, network_, held_at());
  lingering_ = std::ranges::any_of(connections_, [this](const TrackedConnection& connection) {
    return end_is_uncounted(connection.socket.state) &&
           ports_.is_counted(connection.socket.local_port, network_);
  });
  const bool above = counts_.open() > config_.threshold;
  if (above && !above_threshold_) ++episode_;
  above_threshold_ = above;
}

void DrainTracker::release_unused_ports() {
  std::set<std::uint16_t> in_use;
  for (const TrackedConnection& connection : connections_) {
    in_use.insert(connection.socket.local_port);
  }
  ports_.release_unused(in_use);
}

void DrainTracker::follow_selection(TimePoint now) {
  selection_ = selection_is_fresh(now) ? report_.state : SelectionState::kUnknown;
  if (selection_ == SelectionState::kSelected) {
    ever_selected_ = true;
    deselected_at_.reset();
  }
  if (selection_ == SelectionState::kDeselected && ever_selected_ && !deselected_at_) {
    deselected_at_ = now;
    lost_before_ = lost_total_;
    ++episode_;  // the deselection restarts the quiet clock
  }
}

Millis DrainTracker::selection_limit() const {
  return report_.broken_since ? kSelectionFreshBroken : kSelectionFresh;
}

bool DrainTracker::selection_is_fresh(TimePoint now) const {
  if (report_.state == SelectionState::kUnknown || !report_.proven_at) return false;
  if (now - *report_.proven_at > kSelectionFresh) return false;
  return !report_.broken_since || now - *report_.broken_since <= kSelectionFreshBroken;
}

std::string DrainTracker::selection_problem(TimePoint now) const {
  std::string text;
  if (report_.proven_at && report_.state != SelectionState::kUnknown) {
    text = "the selection was last proven " + for_people(since(*report_.proven_at, now)) +
           " ago, too long to rely on (limit " + for_people(selection_limit()) + ")";
  }
  if (!report_.problem.empty()) text += (text.empty() ? "" : ": ") + report_.problem;
  return text.empty() ? "the selection is not known" : text;
}

Millis DrainTracker::sample_limit() const { return std::max(kSampleFresh, 3 * config_.tick); }

Millis DrainTracker::scan_limit() const { return std::max(kScanFresh, 3 * config_.tick); }

std::vector<Reason> DrainTracker::find_count_problems(TimePoint now) const {
  std::vector<Reason> problems;
  if (sample_error_) {
    problems.push_back({"sample_failed", "counting failed: " + sample_error_->message});
  } else if (!sampled_at_ || !scanned_at_) {
    problems.push_back({"no_sample", "connections were not counted yet"});
  }
  if (sampled_at_ && now - *sampled_at_ > sample_limit()) {
    problems.push_back({"sample_stale", "connections were last counted " +
                                            for_people(since(*sampled_at_, now)) + " ago (limit " +
                                            for_people(sample_limit()) + ")"});
  }
  if (scan_error_) problems.push_back({"scan_failed", scan_error_->message});
  if (scanned_at_ && now - *scanned_at_ > scan_limit()) {
    problems.push_back({"scan_stale", "listening ports and UDP sockets were last read " +
                                          for_people(since(*scanned_at_, now)) + " ago (limit " +
                                          for_people(scan_limit()) + ")"});
  }
  if (network_error_) {
    problems.push_back({"network_unknown", network_error_->message});
  }
  const auto& own = network_.own_addresses;
  for (const IpAddress& node : config_.count.node_ips) {
    if (std::ranges::find(own, node) == own.end()) continue;
    problems.push_back({"host_network", "the pod has the node's address " + node.to_string() +
                                            " (hostNetwork): its connections cannot be told from "
                                            "the node's"});
    break;
  }
  if (scanned_at_ && !ports_.ever_seen_listening()) {
    problems.push_back(
        {"no_listener",
         config_.count.ports
             ? "nothing was seen listening on port " + list_ports(*config_.count.ports)
             : "no port was seen listening but the agent's and ignored "
               "ones"});
  }
  if (const auto mesh = ports_.uncounted_mesh_ports(); !mesh.empty()) {
    problems.push_back({"mesh_port_not_counted",
                        "a mesh proxy takes the pod's connections on port " + list_ports(mesh) +
                            ", which is not counted: add it to --count-ports"});
  }
  if (!udp_ports_.empty()) {
    problems.push_back(
        {"udp_unsupported", "UDP sessions on port " + list_ports(udp_ports_) +
                                " cannot be seen: name the port in --ignore-udp if none matter"});
  }
  if (!trustworthy_) {
    problems.push_back({"proc_incomplete",
                        "/proc/net/tcp of this kernel hides connections or queues, or could not be "
                        "tried: --accept-proc takes its word all the same"});
  }
  return problems;
}

TimePoint DrainTracker::quiet_since() const {
  return std::max({watched_since_, deselected_at_.value_or(watched_since_),
                   last_reset_.value_or(watched_since_)});
}

PodFacts DrainTracker::facts(TimePoint now) const {
  return {.selection = selection_,
          .services = report_.services,
          .selection_problem =
              selection_ == SelectionState::kUnknown ? selection_problem(now) : std::string(),
          .ever_selected = ever_selected_,
          .count_problems = count_problems_,
          .counts = counts_,
          .threshold = config_.threshold,
          .quiet_for = since(quiet_since(), now),
          .quiet_period = config_.quiet_period,
          .confirmed_after_quiet =
              confirmed_at_ && *confirmed_at_ >= quiet_since() + config_.quiet_period};
}

void DrainTracker::rejudge(TimePoint now) {
  count_problems_ = find_count_problems(now);
  PodFacts now_is = facts(now);
  judgement_ = judge(now_is);
  const bool confirmed = std::exchange(now_is.confirmed_after_quiet, true);
  wants_confirmation_ = !confirmed && judge(now_is).verdict == Verdict::kDrained;
  // What only waits for its confirmation goes on being drained, unless that does not come.
  if (judgement_.verdict != Verdict::kDrained && !wants_confirmation_) drained_since_.reset();
  if (judgement_.verdict == Verdict::kDrained && !drained_since_) drained_since_ = now;
  const std::uint64_t lost = lost_total_ - lost_before_;
  if (lost > 0 && selection_ != SelectionState::kSelected) {
    judgement_.reasons.push_back(
        {"lost", counted(lost, "connection was", "connections were") +
                     " lost: they ended together with the app's listener"});
  }
  judgement_.reasons.insert(judgement_.reasons.end(), report_.notes.begin(), report_.notes.end());
}

PodStatus DrainTracker::status(TimePoint now) const {
  PodStatus status;
  status.verdict = judgement_.verdict;
  status.reasons = judgement_.reasons;
  status.selection = selection_;
  status.services = report_.services;
  status.ever_selected = ever_selected_;
  if (report_.proven_at) status.selection_age = since(*report_.proven_at, now);
  if (deselected_at_) status.deselected_for = since(*deselected_at_, now);
  status.counted = sampled_at_.has_value();
  status.complete = count_is_good();
  status.counts = counts_;
  if (!counts_.oldest_open.empty()) {
    status.oldest_age = since(counts_.oldest_open.front().first_seen, now);
  }
  if (sampled_at_) status.sample_age = since(*sampled_at_, now);
  status.sample_method = method_;
  status.opened_by_port = opened_by_port_;
  status.lost_total = lost_total_;
  status.quiet_for = since(quiet_since(), now);
  if (drained_since_ && status.verdict == Verdict::kDrained) {
    status.drained_for = since(*drained_since_, now);
  }
  status.episode = start_id_ + ":" + std::to_string(episode_);
  return status;
}

ConnectionDetails DrainTracker::details(TimePoint now) const {
  const bool idle_known = info_at_ && now - *info_at_ <= kIdleFresh;
  ConnectionDetails details;
  // One that no sample with idle times has seen yet is younger than the shortest step.
  if (idle_known && (!counts_.idle_unknown || *counts_.idle_unknown > *info_at_)) {
    details.idle_over = counts_.idle_over;
  }
  for (const TrackedConnection& connection : counts_.oldest_open) {
    const TcpSocket& socket = connection.socket;
    details.oldest.push_back({.peer = socket.peer,
                              .peer_port = socket.peer_port,
                              .local_port = socket.local_port,
                              .state = socket.state,
                              .age = since(connection.first_seen, now),
                              .idle = idle_known ? socket.idle : std::nullopt});
  }
  return details;
}

PersistentState DrainTracker::persistent() const {
  return {.ever_selected = ever_selected_,
          .deselected_at = deselected_at_,
          .ports = config_.count.ports ? std::set<std::uint16_t>() : ports_.known()};
}

}  // namespace drainbow
