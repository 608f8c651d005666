// A snapshot with something in every field.
#pragma once

#include "agent/snapshot.h"

namespace drainbow {

inline Snapshot example_snapshot() {
  Snapshot snapshot;
  snapshot.pod = {.name = "rainbow-12e034-x", .namespace_name = "shop", .uid = "5f0c"};
  snapshot.labels = {{"app", "rainbow"}, {"color", "12e034"}};
  PodStatus& status = snapshot.status;
  status.verdict = Verdict::kDraining;
  status.reasons = {{"open_connections", "2 open connections on port 8081 (2)"}};
  status.selection = SelectionState::kDeselected;
  status.ever_selected = true;
  status.selection_age = Millis(400);
  status.deselected_for = Millis(61'000);
  snapshot.deselected_at = WallTime(std::chrono::seconds(1795250460));
  status.counted = true;
  status.complete = true;
  PortCounts& port = status.counts.by_port[8081];
  port.by_class[static_cast<std::size_t>(ConnectionClass::kOpen)] = 2;
  port.by_class[static_cast<std::size_t>(ConnectionClass::kTransient)] = 1;
  port.close_wait = 1;
  status.counts.total = port;
  status.oldest_age = Millis(7'200'500);
  status.sample_age = Millis(250);
  status.sample_method = SampleMethod::kDump;
  status.opened_by_port = {{8081, 12}};
  status.lost_total = 3;
  status.quiet_for = Millis(12'000);
  status.episode = "abcd1234:7";
  snapshot.notes = {{"state_not_saved", "disk full"}};
  snapshot.selection_source = "file";
  snapshot.quiet_period = Millis(30'000);
  snapshot.uptime = Millis(90'061'000);
  return snapshot;
}

}  // namespace drainbow
