#include "drain/prestop_hook.h"

namespace drainbow {

std::string_view to_string(PrestopOutcome outcome) {
  switch (outcome) {
    case PrestopOutcome::kWait:
      return "waiting";
    case PrestopOutcome::kDrained:
      return "drained";
    case PrestopOutcome::kDeadline:
      return "deadline";
    case PrestopOutcome::kNotLeaving:
      return "not terminating";
  }
  return "unknown";
}

void PrestopHook::on_called(TimePoint now) {
  if (called_at_ && now - *called_at_ > config_.deadline + kForgottenAfter) called_at_.reset();
  if (!called_at_) called_at_ = now;
}

PrestopOutcome PrestopHook::evaluate(TimePoint now, const PrestopView& view) {
  const PrestopOutcome outcome = decide(now, view);
  // A container's restart is over and done with; the pod's own end is not: a repeated hook keeps
  // the first deadline.
  if (outcome != PrestopOutcome::kWait && !terminating_) called_at_.reset();
  return outcome;
}

PrestopOutcome PrestopHook::decide(TimePoint now, const PrestopView& view) const {
  if (!called_at_) return PrestopOutcome::kWait;
  const auto waited = now - *called_at_;
  if (waited >= config_.deadline) return PrestopOutcome::kDeadline;
  if (!terminating_) {
    return waited >= kTerminatingWithin ? PrestopOutcome::kNotLeaving : PrestopOutcome::kWait;
  }
  if (waited < config_.at_least) return PrestopOutcome::kWait;
  if (!view.open || *view.open > config_.threshold) return PrestopOutcome::kWait;
  if (view.last_open && now - *view.last_open < kWithoutNew) return PrestopOutcome::kWait;
  return PrestopOutcome::kDrained;
}

}  // namespace drainbow
