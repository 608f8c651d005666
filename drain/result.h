// Errors as values.
//
// A function that can fail for a reason outside the program (kernel, file, peer, flag) returns
// Result<T>. Each layer that passes an Error on adds one phrase of context; the error is logged
// once, by whoever handles it. Exceptions are left to programming errors and to libraries.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace drainbow {

struct Error {
  std::string message;  // for people: what failed, what it was, what is accepted

  // "reading /x: permission denied" from Error{"permission denied"}.wrap("reading /x").
  Error wrap(std::string_view context) const {
    std::string text(context);
    text.append(": ").append(message);
    return Error{std::move(text)};
  }

  bool operator==(const Error&) const = default;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: a value is one
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: an error too

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only when ok().
  T& operator*() & { return value(); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &std::get<0>(state_); }

  // Only when !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  T& value() { return std::get<0>(state_); }

  std::variant<T, Error> state_;
};

// Success without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: an error is a result

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace drainbow
