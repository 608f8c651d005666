// An annotation's value, as somebody wrote it.
//
// Absent and malformed are different things. What is absent has a default; what cannot be read may
// have meant anything, so nothing is done to its object but what is safe whatever it meant.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "drain/result.h"

namespace drainbow {

template <typename T>
class Annotation {
 public:
  Annotation() = default;                            // absent
  Annotation(T value) : state_(std::move(value)) {}  // NOLINT: a value is one
  Annotation(Error why) : state_(std::move(why)) {}  // NOLINT: malformed; names what it was
  Annotation(Result<T> read) : state_(from(std::move(read))) {}  // NOLINT: either of the two

  bool absent() const { return state_.index() == 0; }
  bool malformed() const { return state_.index() == 2; }
  // Somebody wrote it, readable or not.
  bool present() const { return !absent(); }

  // The value, or null if it is absent or malformed.
  const T* get() const { return std::get_if<T>(&state_); }
  // Only when malformed().
  const Error& error() const { return std::get<2>(state_); }

  bool operator==(const Annotation&) const = default;

 private:
  using State = std::variant<std::monostate, T, Error>;

  static State from(Result<T> read) {
    if (!read) return State(read.error());
    return State(*std::move(read));
  }

  State state_;
};

}  // namespace drainbow
