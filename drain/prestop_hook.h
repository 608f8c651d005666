// When the app's preStop hook may return. Pure.
//
// The hook holds back the SIGTERM of the app's container while connections live on, within the
// grace period. All preStop hooks of a pod start together, so a pod that is really going calls
// /terminating (the agent's own hook) at the same time as /prestop; when only the app's container
// is restarted (failed liveness probe), /terminating does not come.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "drain/time.h"

namespace drainbow {

struct PrestopConfig {
  Millis at_least{10'000};  // --prestop-min: nodes still route new connections here
  Millis deadline{25'000};  // --prestop-timeout: within the pod's grace period
  std::uint64_t threshold = 0;
};

// The pod's connections as the hook needs them.
struct PrestopView {
  std::optional<std::uint64_t> open;   // nothing: not known, which is never taken for none
  std::optional<TimePoint> last_open;  // last first sight of one, kubelet's probes left out
};

enum class PrestopOutcome : std::uint8_t {
  kWait,
  kDrained,     // no connection left, and none came for a while
  kDeadline,    // --prestop-timeout
  kNotLeaving,  // no /terminating: only the container restarts
};

// "drained", "deadline", ...
std::string_view to_string(PrestopOutcome outcome);

class PrestopHook {
 public:
  // So long no new connection must have come.
  static constexpr Millis kWithoutNew{5'000};
  // So long /terminating is waited for.
  static constexpr Millis kTerminatingWithin{5'000};

  // So long after its deadline a round is forgotten: a pod that was going would be gone.
  static constexpr Millis kForgottenAfter{300'000};

  explicit PrestopHook(PrestopConfig config) : config_(config) {}

  // /terminating was called: the pod is going. It stays so.
  void on_terminating() { terminating_ = true; }

  // /prestop was called. While the pod is going, or an earlier call is still under way, later calls
  // share the first one's start: kubelet repeats a hook after its own restart, and several
  // containers may use it.
  void on_called(TimePoint now);

  // For all calls under way. kNotLeaving and the like end the round; the next call starts afresh.
  PrestopOutcome evaluate(TimePoint now, const PrestopView& view);

  bool terminating() const { return terminating_; }

 private:
  PrestopOutcome decide(TimePoint now, const PrestopView& view) const;

  PrestopConfig config_;
  bool terminating_ = false;
  std::optional<TimePoint> called_at_;
};

}  // namespace drainbow
