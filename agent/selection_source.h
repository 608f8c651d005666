// Where the agent learns whether a Service selects its pod.
#pragma once

#include <cstdint>
#include <string_view>

#include "drain/drain_tracker.h"
#include "drain/result.h"
#include "drain/selection.h"

namespace drainbow {

class SelectionSource {
 public:
  SelectionSource() = default;
  SelectionSource(const SelectionSource&) = delete;
  SelectionSource& operator=(const SelectionSource&) = delete;
  virtual ~SelectionSource() = default;

  // What is known at `now` of a pod with these labels. Called once a tick; must not block.
  virtual SelectionReport report(TimePoint now, const Result<Labels>& labels) = 0;

  // "kubernetes", "file": `selection.source` in the document.
  virtual std::string_view name() const = 0;

  // Ends what it does in the background, if anything.
  virtual void stop() {}

  // How often the source had to start following anew: drainbow_watch_restarts_total.
  virtual std::uint64_t restarts() const { return 0; }
};

}  // namespace drainbow
