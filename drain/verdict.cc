#include "drain/verdict.h"

#include <algorithm>

namespace drainbow {
namespace {

// "8081 (10), 8080 (2)": the ports with open connections, most first.
std::string open_by_port(const Counts& counts) {
  std::vector<std::pair<std::uint64_t, std::uint16_t>> ports;
  for (const auto& [port, of_port] : counts.by_port) {
    const std::uint64_t open = of_port.of(ConnectionClass::kOpen);
    if (open > 0) ports.emplace_back(open, port);
  }
  std::ranges::sort(ports, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(ports.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(ports[i].second) + " (" +
            std::to_string(ports[i].first) + ")";
  }
  if (ports.size() > kShown) text += ", ...";
  return text;
}

void add_open_reasons(const Counts& counts, std::uint64_t threshold, std::vector<Reason>& reasons) {
  std::string message = counted(counts.open(), "open connection", "open connections") +
                        " on port " + open_by_port(counts);
  if (threshold > 0) message += ", threshold " + std::to_string(threshold);
  reasons.push_back({"open_connections", std::move(message)});
  if (counts.total.close_wait > 0) {
    reasons.push_back({"close_wait", "the app never closed " +
                                         counted(counts.total.close_wait, "socket", "sockets") +
                                         " whose peer has closed (CLOSE_WAIT)"});
  }
  if (counts.total.closing > 0) {
    reasons.push_back({"closing", counted(counts.total.closing, "connection", "connections") +
                                      " closed by the app still with unsent data"});
  }
  for (const auto& [port, of_port] : counts.by_port) {
    if (of_port.of(ConnectionClass::kOpen) == 0 || !looks_scraped(port)) continue;
    reasons.push_back({"looks_scraped", "port " + std::to_string(port) +
                                            " looks like a metrics port: if only scrapers connect "
                                            "to it, add it to --ignore-ports"});
  }
}

std::vector<Reason> draining_reasons(const PodFacts& facts) {
  std::vector<Reason> reasons;
  const bool open = facts.counts.open() > facts.threshold;
  const bool quiet = facts.quiet_for >= facts.quiet_period;
  if (open) add_open_reasons(facts.counts, facts.threshold, reasons);
  if (!quiet) {
    reasons.push_back({"not_quiet", "quiet for " + for_people(facts.quiet_for) + " of " +
                                        for_people(facts.quiet_period)});
  }
  if (!open && quiet && !facts.confirmed_after_quiet) {
    reasons.push_back(
        {"unconfirmed", "all that is missing is a count that the kernel's own counters confirm"});
  }
  return reasons;
}

// The cleanup judges a color by its pods' counts even where the pod's own verdict does not need
// them.
std::vector<Reason> with_problems(Reason first, const PodFacts& facts) {
  std::vector<Reason> reasons = {std::move(first)};
  reasons.insert(reasons.end(), facts.count_problems.begin(), facts.count_problems.end());
  return reasons;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSelected:
      return "selected";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kStandby:
      return "standby";
    case Verdict::kDraining:
      return "draining";
    case Verdict::kDrained:
      return "drained";
  }
  return "unknown";
}

std::string_view to_string(SelectionState state) {
  switch (state) {
    case SelectionState::kSelected:
      return "selected";
    case SelectionState::kDeselected:
      return "deselected";
    case SelectionState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural) {
  return std::to_string(number) + " " + std::string(number == 1 ? singular : plural);
}

std::string for_people(Millis duration) {
  const auto ms = duration.count();
  const auto s = ms / 1000;
  const auto two = [](auto major, const char* major_unit, auto minor, const char* minor_unit) {
    std::string text = std::to_string(major) + major_unit;
    if (minor > 0) text += " " + std::to_string(minor) + minor_unit;
    return text;
  };
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return two(s / 60, " min", s % 60, " s");
  if (s < 86400) return two(s / 3600, " h", s % 3600 / 60, " min");
  return two(s / 86400, " d", s % 86400 / 3600, " h");
}

Judgement judge(const PodFacts& facts) {
  if (facts.selection == SelectionState::kSelected) {
    std::string message = "selected";
    if (!facts.services.empty()) message += " by " + joined(facts.services);
    return {Verdict::kSelected, with_problems({"selected", std::move(message)}, facts)};
  }
  if (facts.selection == SelectionState::kUnknown) {
    return {Verdict::kUnknown, {{"selection_unknown", facts.selection_problem}}};
  }
  if (!facts.ever_selected) {
    return {Verdict::kStandby,
            with_problems(
                {"never_selected", "no Service selects this pod, and none did since it started"},
                facts)};
  }
  if (!facts.count_problems.empty()) return {Verdict::kUnknown, facts.count_problems};
  std::vector<Reason> reasons = draining_reasons(facts);
  if (!reasons.empty()) return {Verdict::kDraining, std::move(reasons)};
  std::string message =
      facts.counts.open() == 0
          ? "no connection is open"
          : counted(facts.counts.open(), "open connection is", "open connections are") +
                " within the threshold of " + std::to_string(facts.threshold);
  message += ", and none came for " + for_people(facts.quiet_for);
  return {Verdict::kDrained, {{"drained", std::move(message)}}};
}

}  // namespace drainbow
