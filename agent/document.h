// The verdict document: what /status, /drained and /wait answer. Pure.
#pragma once

#include <string>

#include "agent/snapshot.h"

namespace drainbow {

// JSON in snake_case; durations in seconds, null where unknown; instants in RFC 3339 UTC.
std::string document(const Snapshot& snapshot, const ConnectionDetails& details);

}  // namespace drainbow
