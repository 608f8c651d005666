#include "drain/color_verdict.h"

#include <algorithm>
#include <optional>

namespace drainbow {
namespace {

Reason on(const Pod& pod, std::string code, const std::string& message) {
  return {std::move(code), "pod " + pod.name + ": " + message};
}

Reason no_answer(const Pod& pod, const Answers& answers) {
  if (!pod.has_agent) return on(pod, "no_agent", "it has no drainbow-agent in its spec");
  const auto found = answers.find(pod.uid);
  if (found == answers.end()) return on(pod, "silent", "its agent was not asked");
  if (!found->second.document) return on(pod, "silent", found->second.problem);
  return on(
      pod, "wrong_pod",
      "the answer is of pod uid '" + found->second.document->pod_uid + "', not '" + pod.uid + "'");
}

std::optional<Reason> stale(const Pod& pod, const AgentDocument& document,
                            const AgentAnswer& answer) {
  if (!document.sample_age) return on(pod, "sample_stale", "its agent has no count yet");
  const Millis age = *document.sample_age + answer.round_trip + answer.held;
  if (age > kSampleLimit) {
    return on(
        pod, "sample_stale",
        "its agent's count is " + for_people(age) + " old, more than " + for_people(kSampleLimit));
  }
  if (!document.selection_age || *document.selection_age > kSelectionLimit) {
    return on(pod, "selection_stale",
              "its agent's view of the Services is " +
                  (document.selection_age ? for_people(*document.selection_age) + " old, more than "
                                          : std::string("missing; accepted is at most ")) +
                  for_people(kSelectionLimit));
  }
  return std::nullopt;
}

// An app that never came up, in a color that was live, must not keep it for ever.
bool holds_none_for_sure(const Pod& pod, const AgentDocument& document, bool color_was_selected) {
  return color_was_selected && document.only_no_listener && document.no_inbound && !pod.app_running;
}

Reason not_counted(const Pod& pod, const AgentDocument& document) {
  std::string why = "its agent's count is not complete";
  for (const Reason& reason : document.reasons) why += "; " + reason.message;
  return on(pod, "agent_unknown", why);
}

// Why the answer is no good one; nothing if it is.
std::optional<Reason> veto(const Pod& pod, const Answers& answers, bool color_was_selected) {
  const AgentDocument* document = document_of(pod, answers);
  if (!pod.has_agent || document == nullptr) return no_answer(pod, answers);
  if (auto reason = stale(pod, *document, answers.at(pod.uid))) return reason;
  if (document->selection == SelectionState::kSelected) {
    return on(pod, "selection_disagrees",
              "its agent says that a Service selects it, the API server that none does");
  }
  if (document->selection == SelectionState::kUnknown) return not_counted(pod, *document);
  if (document->episode.empty()) return on(pod, "agent_unknown", "its agent names no episode");
  if (holds_none_for_sure(pod, *document, color_was_selected)) return std::nullopt;
  if (document->verdict == Verdict::kUnknown || !document->complete || !document->open) {
    return not_counted(pod, *document);
  }
  return std::nullopt;
}

// The first step of the documents that is no shorter: what is silent for so long is silent for
// long enough.
std::uint64_t silent(const AgentDocument& document, const std::optional<Millis>& ignore_idle) {
  if (!ignore_idle || !document.idle_over) return 0;
  for (std::size_t i = 0; i < kIdleSteps.size(); ++i) {
    if (kIdleSteps[i] >= *ignore_idle) {
      return std::min((*document.idle_over)[i], document.open.value_or(0));
    }
  }
  return 0;
}

bool says_unconfirmed(const AgentDocument& document) {
  return std::ranges::any_of(document.reasons,
                             [](const Reason& reason) { return reason.code == "unconfirmed"; });
}

std::optional<Reason> not_quiet(const Pod& pod, const AgentDocument& document) {
  if (document.quiet_for < document.quiet_period) {
    return on(
        pod, "not_quiet",
        "quiet for " + for_people(document.quiet_for) + " of " + for_people(document.quiet_period));
  }
  if (says_unconfirmed(document)) {
    return on(pod, "unconfirmed",
              "a count that the kernel's own counters confirm is still missing");
  }
  return std::nullopt;
}

// What all pods together say.
struct Evidence {
  std::vector<Reason> vetoes;
  std::vector<Reason> open;  // and not quiet
  std::size_t judged = 0;    // pods that could hold a connection
};

void add_pod(const Pod& pod, const Answers& answers, const Policy& policy, bool color_was_selected,
             Evidence& evidence, ColorJudgement& judgement) {
  if (is_over(pod)) {
    judgement.notes.push_back(on(pod, "over", "it has ended, and holds no connection"));
    return;
  }
  if (!pod.app_started) {
    judgement.notes.push_back(on(pod, "never_started", "no container of the app ever ran in it"));
    return;
  }
  ++evidence.judged;
  if (auto reason = veto(pod, answers, color_was_selected)) {
    evidence.vetoes.push_back(*std::move(reason));
    return;
  }
  const AgentDocument& document = *document_of(pod, answers);
  judgement.episodes[pod.uid] = document.episode;
  const std::uint64_t open = document.open.value_or(0);
  const std::uint64_t aside = silent(document, policy.ignore_idle);
  judgement.open += open - aside;
  judgement.set_aside += aside;
  if (open > aside) {
    evidence.open.push_back(
        on(pod, "open_connections", counted(open - aside, "open connection", "open connections")));
  }
  if (auto reason = not_quiet(pod, document)) evidence.open.push_back(*std::move(reason));
}

bool any_not_quiet(const Evidence& evidence) {
  return std::ranges::any_of(
      evidence.open, [](const Reason& reason) { return reason.code != "open_connections"; });
}

void add_color_vetoes(const Color& color, std::vector<Reason>& vetoes) {
  if (!color.overlaps.empty()) {
    vetoes.push_back({"selector_overlap",
                      "the selectors of Deployments " + joined(color.overlaps) +
                          " match its pods too: put the color into each Deployment's selector"});
  }
  if (color.deployment.last_selected_at.malformed()) {
    vetoes.push_back({"malformed_annotation",
                      color.deployment.last_selected_at.error()
                          .wrap("annotation drainbow.dev/last-selected-at of Deployment " +
                                color.deployment.name)
                          .message});
  }
  if (!color.policy) vetoes.push_back({"malformed_annotation", color.policy.error().message});
}

std::string drained_message(const ColorJudgement& judgement, std::size_t pods) {
  return counted(judgement.open, "open connection", "open connections") + " in " +
         counted(pods, "pod", "pods") + ", each quiet for long enough";
}

}  // namespace

std::string_view to_string(ColorVerdict verdict) {
  switch (verdict) {
    case ColorVerdict::kSelected:
      return "selected";
    case ColorVerdict::kUnknown:
      return "unknown";
    case ColorVerdict::kDraining:
      return "draining";
    case ColorVerdict::kStandby:
      return "standby";
    case ColorVerdict::kEmpty:
      return "empty";
    case ColorVerdict::kDrained:
      return "drained";
  }
  return "unknown";
}

const AgentDocument* document_of(const Pod& pod, const Answers& answers) {
  const auto found = answers.find(pod.uid);
  if (found == answers.end() || !found->second.document) return nullptr;
  return found->second.document->pod_uid == pod.uid ? &*found->second.document : nullptr;
}

bool ever_selected(const Color& color, const Answers& answers) {
  if (color.deployment.last_selected_at.present()) return true;
  return std::ranges::any_of(color.pods, [&](const Pod& pod) {
    const AgentDocument* document = document_of(pod, answers);
    return document != nullptr && document->ever_selected;
  });
}

ColorJudgement judge_color(const Color& color, const Answers& answers) {
  ColorJudgement judgement{.notes = color.notes};
  const bool was_selected = ever_selected(color, answers);
  // Without a readable policy the color is unknown, and the default one only counts for people.
  const Policy policy = color.policy ? *color.policy : Policy{};
  Evidence evidence;
  add_color_vetoes(color, evidence.vetoes);
  for (const Pod& pod : color.pods) {
    add_pod(pod, answers, policy, was_selected, evidence, judgement);
  }
  const auto give = [&](ColorVerdict verdict, std::vector<Reason> reasons) {
    judgement.verdict = verdict;
    judgement.reasons = std::move(reasons);
    return judgement;
  };
  if (color.selected()) {
    return give(ColorVerdict::kSelected,
                {{"selected", "selected by " + joined(color.selected_by)}});
  }
  if (!evidence.vetoes.empty()) return give(ColorVerdict::kUnknown, evidence.vetoes);
  if (judgement.open > policy.threshold || any_not_quiet(evidence)) {
    return give(ColorVerdict::kDraining, evidence.open);
  }
  if (!was_selected) {
    return give(ColorVerdict::kStandby,
                {{"never_selected", "no Service ever selected it, as far as is known"}});
  }
  if (evidence.judged == 0 && color.deployment.replicas != 0) {
    return give(ColorVerdict::kEmpty,
                {{"empty", "it has no pod that could hold a connection, though it wants " +
                               counted(color.deployment.replicas, "replica", "replicas")}});
  }
  return give(ColorVerdict::kDrained, {{"drained", drained_message(judgement, evidence.judged)}});
}

}  // namespace drainbow
