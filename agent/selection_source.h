// Where the agent learns whether a Service selects its pod.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "drain/drain_tracker.h"

namespace drainbow {

// The pod's labels, from the downward API.
using Labels = std::map<std::string, std::string>;

class SelectionSource {
 public:
  SelectionSource() = default;
  SelectionSource(const SelectionSource&) = delete;
  SelectionSource& operator=(const SelectionSource&) = delete;
  virtual ~SelectionSource() = default;

  // What is known at `now`. Called once a tick; must not block.
  virtual SelectionReport report(TimePoint now) = 0;

  // "file": `selection.source` in the document.
  virtual std::string_view name() const = 0;

  // How often the source had to start following anew: drainbow_watch_restarts_total.
  virtual std::uint64_t restarts() const { return 0; }
};

}  // namespace drainbow
