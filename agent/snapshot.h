// All that the agent shows, at one instant: what the document and the metrics are made of.
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/sampling.h"
#include "agent/selection_source.h"
#include "drain/drain_tracker.h"

namespace drainbow {

struct Snapshot {
  PodIdentity pod;
  Labels labels;
  PodStatus status;
  std::optional<WallTime> deselected_at;
  std::vector<Reason> notes;  // beside the verdict's reasons
  std::string selection_source;
  std::uint64_t watch_restarts = 0;
  std::uint64_t threshold = 0;
  Millis quiet_period{0};
  Millis uptime{0};
  bool terminating = false;
};

// A pod may listen on any number of ports; beyond this many, those with the fewest connections are
// shown together as "other", so that document and metrics stay bounded.
inline constexpr std::size_t kMostPortsShown = 64;

struct NamedPortCounts {
  std::string port;  // "8080", or "other"
  PortCounts counts;
  std::uint64_t opened = 0;
};

// Pure. By number, "other" last.
std::vector<NamedPortCounts> shown_ports(const PodStatus& status);

}  // namespace drainbow
