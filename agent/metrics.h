// The agent's Prometheus metrics, made at each scrape from one snapshot, so that they agree with
// each other and with the document. Pure.
#pragma once

#include <string>

#include "agent/snapshot.h"

namespace drainbow {

// Text format 0.0.4.
std::string metrics_text(const Snapshot& snapshot, const SamplingStats& stats);

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace drainbow
