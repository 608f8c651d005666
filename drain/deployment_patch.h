// A write to a Deployment, as a value: one PATCH, whatever it changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "drain/inventory.h"

namespace drainbow {

// Of one annotation: leave it, set it, or remove it.
template <typename T>
class Change {
 public:
  Change() = default;                                 // leave it
  Change(T value) : state_(Set{std::move(value)}) {}  // NOLINT: a value is to be set
  static Change drop() {
    Change change;
    change.state_ = Drop{};
    return change;
  }

  bool leaves() const { return state_.index() == 0; }
  bool drops() const { return state_.index() == 2; }
  // The value to be set, or null.
  const T* sets() const {
    const Set* set = std::get_if<Set>(&state_);
    return set == nullptr ? nullptr : &set->value;
  }

  bool operator==(const Change&) const = default;

 private:
  struct Set {
    T value;
    bool operator==(const Set&) const = default;
  };
  struct Drop {
    bool operator==(const Drop&) const = default;
  };

  std::variant<std::monostate, Set, Drop> state_;
};

struct DeploymentPatch {
  std::optional<std::uint64_t> replicas;  // spec.replicas
  Change<WallTime> last_selected_at;
  Change<WallTime> hold_until;
  Change<Mark> mark;
  Change<WallTime> scaled_at;
  Change<std::uint64_t> kept_replicas;

  bool empty() const { return *this == DeploymentPatch{}; }
  bool operator==(const DeploymentPatch&) const = default;
};

// The object after the write, but for its resourceVersion.
Deployment patched(Deployment deployment, const DeploymentPatch& patch);

}  // namespace drainbow
