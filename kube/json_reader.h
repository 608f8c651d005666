// One JSON text, read as it comes in, in chunks cut anywhere. Nothing of it is kept but what the
// visitor keeps, so memory does not grow with objects nobody asked for (managedFields, annotations
// of 256 KiB). Pure; private to this folder.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow::kube {

// The keys from the top to a value, the outermost first; kElement for a list's element. Deeper than
// kDeepestPath is not told apart from there.
using JsonPath = std::span<const std::string>;
inline constexpr std::string_view kElement = "[]";
inline constexpr std::size_t kDeepestPath = 5;

enum class JsonKind { kNull, kBool, kNumber, kString, kObject, kList };

class JsonVisitor {
 public:
  JsonVisitor() = default;
  JsonVisitor(const JsonVisitor&) = delete;
  JsonVisitor& operator=(const JsonVisitor&) = delete;
  virtual ~JsonVisitor() = default;

  // A value begins; `text` is that of a string or a number. An error ends the reading. Not called
  // for values deeper than kDeepestPath.
  virtual Result<void> begin(JsonPath path, JsonKind kind, std::string_view text) = 0;
  // An object ends.
  virtual Result<void> end_object(JsonPath path) = 0;
};

class JsonReader {
 public:
  // Reports to `visitor`, which must outlive the reader.
  explicit JsonReader(JsonVisitor& visitor);
  ~JsonReader();

  // Reads on; returns how many bytes of `chunk` belong to this text: fewer than all when it is
  // complete. After an error it must not be called again.
  Result<std::size_t> read(std::string_view chunk);
  bool complete() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace drainbow::kube
