// DESIGN's words on a pod's verdict once more, written down apart from DrainTracker and as plainly
// as possible: for property tests to compare with. Knows one counted port (kHttp), peers that are
// clients, the node or loopback, and the defaults of all flags but the threshold.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "drain/verdict.h"
#include "tests/drain/builders.h"

namespace drainbow {

class ReferenceModel {
 public:
  ReferenceModel(TimePoint start, std::uint64_t threshold) : threshold_(threshold), start_(start) {}

  void selection(TimePoint now, SelectionState state) {
    told_ = state;
    proven_ = now;
    settle(now);
  }

  void sample(TimePoint now, const std::vector<TcpSocket>& sockets, bool confirmed) {
    std::map<std::uint64_t, Life> lives;
    for (const TcpSocket& socket : sockets) {
      Life life{.socket = socket, .since = now, .was_there_first = !sampled_};
      const auto before = lives_.find(socket.cookie);
      const auto missed = missed_.find(socket.cookie);
      if (before != lives_.end() && !half_open(before->second.socket)) life = before->second;
      if (before == lives_.end() && missed != missed_.end()) life = missed->second;
      life.socket = socket;
      lives[socket.cookie] = life;
    }
    const bool some_gone = std::ranges::any_of(lives_, [&](const auto& entry) {
      return !lives.contains(entry.first) && !entry.second.destroyed && counts(entry.second.socket);
    });
    for (const auto& [cookie, life] : lives_) {
      if (lives.contains(cookie) || half_open(life.socket) || life.destroyed) continue;
      expected_ends_.insert(cookie);
      if (selection_ != SelectionState::kSelected) missed_[cookie] = life;
    }
    if (confirmed) missed_.clear();
    if (confirmed) confirmed_ = now;
    if (!confirmed && some_gone) confirmed_.reset();
    lives_ = std::move(lives);
    if (!sampled_) start_ = now;
    sampled_ = now;
    failed_ = false;
    for (auto& [cookie, life] : lives_) look(now, life);
    settle(now);
  }

  void unchanged(TimePoint now) {
    sampled_ = now;
    failed_ = false;
    settle(now);
  }

  void failed(TimePoint now) {
    failed_ = true;
    settle(now);
  }

  void destroyed(TimePoint now, const TcpSocket& socket) {
    const auto known = lives_.find(socket.cookie);
    if (known != lives_.end()) known->second.destroyed = true;
    const bool was_open = known != lives_.end() && !half_open(known->second.socket);
    if (!was_open && expected_ends_.erase(socket.cookie) == 0) {
      const bool long_unseen = !sampled_ || now - *sampled_ > seconds(2);
      if (from_client(socket) || (from_node(socket) && long_unseen)) reset(now);
    }
    settle(now);
  }

  void unseen_opens(TimePoint now) {
    reset(now);
    settle(now);
  }

  void pass(TimePoint now) { settle(now); }

  std::uint64_t open() const { return open_; }
  // Rises with each reset of the quiet clock and each rise of the count above the threshold.
  int happenings() const { return happenings_; }
  Millis quiet_for(TimePoint now) const {
    TimePoint since = start_;
    if (deselected_) since = std::max(since, *deselected_);
    if (reset_) since = std::max(since, *reset_);
    return std::chrono::duration_cast<Millis>(now - since);
  }

  Verdict verdict(TimePoint now) const {
    if (selection_ == SelectionState::kSelected) return Verdict::kSelected;
    if (selection_ == SelectionState::kUnknown) return Verdict::kUnknown;
    if (!ever_selected_) return Verdict::kStandby;
    if (!sampled_ || failed_ || now - *sampled_ > seconds(5)) return Verdict::kUnknown;
    if (open_ > threshold_ || quiet_for(now) < seconds(30)) return Verdict::kDraining;
    const bool proven = confirmed_ && quiet_for(*confirmed_) >= seconds(30);
    return proven ? Verdict::kDrained : Verdict::kDraining;
  }

 private:
  struct Life {
    TcpSocket socket;
    TimePoint since;
    bool was_there_first = false;
    bool has_reset = false;
    bool destroyed = false;
  };

  static bool half_open(const TcpSocket& socket) {
    return socket.state == TcpState::kNewSynRecv || socket.state == TcpState::kSynRecv;
  }
  static bool from_client(const TcpSocket& socket) {
    return socket.local_port == kHttp && socket.peer == ip(kClient);
  }
  static bool from_node(const TcpSocket& socket) {
    return socket.local_port == kHttp && socket.peer == ip(kNode);
  }
  static bool counts(const TcpSocket& socket) {
    if (!from_client(socket) && !from_node(socket)) return false;
    if (socket.state == TcpState::kEstablished || socket.state == TcpState::kCloseWait) return true;
    const bool closing = socket.state == TcpState::kFinWait1 ||
                         socket.state == TcpState::kClosing || socket.state == TcpState::kLastAck;
    return closing && socket.send_queue > 1;
  }
  static bool of_age(const Life& life, TimePoint now) {
    return life.was_there_first || now - life.since >= seconds(1);
  }

  // Nobody knows what became of the connections since.
  TimePoint held() const { return sampled_.value_or(start_); }

  void reset(TimePoint now) {
    reset_ = now;
    ++happenings_;
  }

  // The first sight of a new inbound cookie; from the node only when it is older, and still there.
  void look(TimePoint now, Life& life) {
    if (life.has_reset || life.was_there_first || half_open(life.socket)) return;
    if (!from_client(life.socket) && !(counts(life.socket) && of_age(life, now))) return;
    life.has_reset = true;
    reset(now);
  }

  void settle(TimePoint now) {
    const bool fresh = proven_ && now - *proven_ <= seconds(150);
    selection_ = fresh ? told_ : SelectionState::kUnknown;
    if (selection_ == SelectionState::kSelected) {
      ever_selected_ = true;
      deselected_.reset();
    }
    if (selection_ == SelectionState::kDeselected && ever_selected_ && !deselected_) {
      deselected_ = now;
      ++happenings_;
    }
    std::uint64_t open = 0;
    for (auto& [cookie, life] : lives_) {
      if (!counts(life.socket)) continue;
      look(held(), life);
      if (of_age(life, held())) ++open;
    }
    if (open > threshold_ && open_ <= threshold_) ++happenings_;
    open_ = open;
  }

  const std::uint64_t threshold_;
  TimePoint start_;
  SelectionState told_ = SelectionState::kUnknown;
  SelectionState selection_ = SelectionState::kUnknown;
  std::optional<TimePoint> proven_;
  std::optional<TimePoint> deselected_;
  bool ever_selected_ = false;
  std::map<std::uint64_t, Life> lives_;    // in the last sample
  std::set<std::uint64_t> expected_ends_;  // left it, not yet destroyed
  std::map<std::uint64_t, Life> missed_;   // left it since the last confirmed one
  std::optional<TimePoint> sampled_;
  std::optional<TimePoint> confirmed_;
  bool failed_ = false;
  std::uint64_t open_ = 0;
  std::optional<TimePoint> reset_;
  int happenings_ = 0;
};

}  // namespace drainbow
