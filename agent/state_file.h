// What survives a restart of the agent's container: `state.json` in an emptyDir.
//
//   {"pod_uid":"…","ever_selected":true,"deselected_at":"2026-11-21T08:41:00Z","ports":[8080]}
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "drain/result.h"
#include "drain/time.h"

namespace drainbow {

struct SavedState {
  std::string pod_uid;
  bool ever_selected = false;
  std::optional<WallTime> deselected_at;
  std::set<std::uint16_t> ports;

  bool operator==(const SavedState&) const = default;
};

// The codec: pure, fuzzed. Strict, so that a torn or foreign file is noticed.
std::string encode_state(const SavedState& state);
Result<SavedState> decode_state(std::string_view text);

class StateFile {
 public:
  // An empty directory keeps nothing, without error.
  explicit StateFile(std::string directory) : directory_(std::move(directory)) {}

  // Nothing if there is none. A corrupt one is renamed to state.json.corrupt and is an error once.
  Result<std::optional<SavedState>> load();

  // Writes when it differs from what was written last.
  Result<void> save(const SavedState& state);

 private:
  std::string directory_;
  std::optional<SavedState> saved_;
};

}  // namespace drainbow
