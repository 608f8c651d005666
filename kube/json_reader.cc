#include "kube/json_reader.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace drainbow::kube {
namespace {

namespace json = boost::json;

// Of one key, string or number. A Kubernetes object has at most 1.5 MiB (etcd's limit of a
// request).
constexpr std::size_t kMostText = 2 * 1024 * 1024;
constexpr std::size_t kDeepest = 64;

// What Boost.JSON's parser calls, in the order of the text.
class Events {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the parser looks for these names
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = kMostText;
  static constexpr std::size_t max_string_size = kMostText;
  // NOLINTEND(readability-identifier-naming)

  explicit Events(JsonVisitor& visitor) : visitor_(visitor) {}

  const std::optional<Error>& error() const { return error_; }

  static bool on_document_begin(json::error_code&) { return true; }
  static bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& ec) {
    return begin(JsonKind::kObject, {}, ec) && enter({});
  }
  bool on_array_begin(json::error_code& ec) {
    return begin(JsonKind::kList, {}, ec) && enter(std::string(kElement));
  }
  bool on_array_end(std::size_t, json::error_code&) { return leave(); }
  bool on_object_end(std::size_t, json::error_code& ec) {
    leave();
    if (depth_ > kDeepestPath) return true;
    return accepted(visitor_.end_object(path_), ec);
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    append(part);
    if (depth_ <= kDeepestPath) path_.back() = std::exchange(text_, {});
    text_.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    return append(part);
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    append(part);
    return begin(JsonKind::kString, std::exchange(text_, {}), ec);
  }
  bool on_number_part(json::string_view part, json::error_code&) { return append(part); }
  bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) {
    return number(part, ec);
  }
  bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) {
    return number(part, ec);
  }
  bool on_double(double, json::string_view part, json::error_code& ec) { return number(part, ec); }
  bool on_bool(bool, json::error_code& ec) { return begin(JsonKind::kBool, {}, ec); }
  bool on_null(json::error_code& ec) { return begin(JsonKind::kNull, {}, ec); }
  static bool on_comment_part(json::string_view, json::error_code&) { return true; }
  static bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  // What is deeper is only checked for being JSON.
  bool append(json::string_view part) {
    if (depth_ <= kDeepestPath) text_.append(part.data(), part.size());
    return true;
  }
  bool number(json::string_view part, json::error_code& ec) {
    append(part);
    return begin(JsonKind::kNumber, std::exchange(text_, {}), ec);
  }
  bool begin(JsonKind kind, const std::string& text, json::error_code& ec) {
    if (depth_ > kDeepestPath) return true;
    return accepted(visitor_.begin(path_, kind, text), ec);
  }
  bool enter(std::string key) {
    if (++depth_ <= kDeepestPath) path_.push_back(std::move(key));
    return true;
  }
  bool leave() {
    if (depth_-- <= kDeepestPath) path_.pop_back();
    return true;
  }
  bool accepted(const Result<void>& verdict, json::error_code& ec) {
    if (verdict) return true;
    error_ = verdict.error();
    ec = json::error::exception;  // any error stops the parser
    return false;
  }

  JsonVisitor& visitor_;
  std::size_t depth_ = 0;          // how many objects and lists are open
  std::vector<std::string> path_;  // of the outermost kDeepestPath of them
  std::string text_;               // of a key, string or number that is not complete
  std::optional<Error> error_;
};

json::parse_options options() {
  json::parse_options strict;
  strict.max_depth = kDeepest;
  return strict;
}

}  // namespace

class JsonReader::Parser : public json::basic_parser<Events> {
 public:
  explicit Parser(JsonVisitor& visitor) : basic_parser(options(), visitor) {}
};

JsonReader::JsonReader(JsonVisitor& visitor) : parser_(std::make_unique<Parser>(visitor)) {}

JsonReader::~JsonReader() = default;

Result<std::size_t> JsonReader::read(std::string_view chunk) {
  json::error_code failure;
  const std::size_t consumed = parser_->write_some(true, chunk.data(), chunk.size(), failure);
  if (!failure) return consumed;
  if (parser_->handler().error()) return *parser_->handler().error();
  return Error{"not JSON: " + failure.message()};
}

bool JsonReader::complete() const { return parser_->done(); }

}  // namespace drainbow::kube
