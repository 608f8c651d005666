#include "kube/services.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "kube/json_reader.h"

namespace drainbow::kube {
namespace {

// Names, label keys and values have at most 317 bytes; continue tokens some hundred.
constexpr std::size_t kMostKept = 4096;
constexpr std::size_t kMostShown = 500;
// A selector is part of an object of at most 1.5 MiB, but one as large is no honest one.
constexpr std::size_t kMostPairs = 256;
// Of one watch event, which holds one object.
constexpr std::size_t kMostEventBytes = 8 * 1024 * 1024;

// JSON paths as people write them: "items.[].metadata.name".
std::string to_text(JsonPath path) {
  std::string text;
  for (const std::string& key : path) text += (text.empty() ? "" : ".") + key;
  return text;
}

bool equals(JsonPath path, std::initializer_list<std::string_view> keys) {
  return std::ranges::equal(path, keys);
}

Error of_another_kind(JsonPath path, std::string_view wanted) {
  return Error{to_text(path) + " is not " + std::string(wanted)};
}

Result<void> keep(JsonPath path, JsonKind kind, std::string_view text, std::string& target) {
  if (kind != JsonKind::kString) return of_another_kind(path, "a string");
  if (text.size() > kMostKept) return of_another_kind(path, "a string of at most 4096 bytes");
  target = text;
  return {};
}

Result<void> must_be_object(JsonPath path, JsonKind kind) {
  if (kind == JsonKind::kObject || kind == JsonKind::kNull) return {};
  return of_another_kind(path, "an object");
}

// `path` is relative to the Service.
Result<void> read_field(JsonPath path, JsonKind kind, std::string_view text, Service& service) {
  if (path.size() == 1 && (path[0] == "metadata" || path[0] == "spec")) {
    return must_be_object(path, kind);
  }
  if (equals(path, {"metadata", "name"})) return keep(path, kind, text, service.name);
  if (equals(path, {"metadata", "resourceVersion"})) {
    return keep(path, kind, text, service.resource_version);
  }
  if (equals(path, {"metadata", "annotations"})) return must_be_object(path, kind);
  if (equals(path, {"metadata", "annotations", kIgnoreAnnotation})) {
    service.selector.ignored = text == "true";
    return {};
  }
  if (equals(path, {"spec", "selector"})) return must_be_object(path, kind);
  if (path.size() == 3 && path[0] == "spec" && path[1] == "selector") {
    if (service.selector.selector.size() == kMostPairs) {
      return of_another_kind(path.first(2), "a selector of at most 256 labels");
    }
    return keep(path, kind, text, service.selector.selector[path[2]]);
  }
  return {};
}

Result<void> read_service(JsonPath path, JsonKind kind, std::string_view text, Service& service) {
  const Result<void> read = read_field(path, kind, text, service);
  if (read) return read;
  return read.error().wrap(service.name.empty() ? "a Service" : "Service " + service.name);
}

Result<void> read_status(JsonPath path, JsonKind kind, std::string_view text, Status& status) {
  if (equals(path, {"code"}) && kind == JsonKind::kNumber) {
    std::from_chars(text.data(), text.data() + text.size(), status.code);
  }
  if (kind != JsonKind::kString) return {};
  if (equals(path, {"reason"})) status.reason = text.substr(0, kMostShown);
  if (equals(path, {"message"})) status.message = text.substr(0, kMostShown);
  return {};
}

std::optional<WatchEvent::Type> event_type(std::string_view text) {
  using enum WatchEvent::Type;
  constexpr std::array<std::pair<std::string_view, WatchEvent::Type>, 5> kTypes{{
      {"ADDED", kAdded},
      {"MODIFIED", kModified},
      {"DELETED", kDeleted},
      {"BOOKMARK", kBookmark},
      {"ERROR", kError},
  }};
  const auto found = std::ranges::find(kTypes, text, [](const auto& type) { return type.first; });
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

std::string_view without_leading_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

}  // namespace

class ServicePageDecoder::Visitor : public JsonVisitor {
 public:
  Result<void> begin(JsonPath path, JsonKind kind, std::string_view text) override {
    if (path.empty()) {
      if (kind != JsonKind::kObject) return Error{"the answer is not an object"};
      return {};
    }
    if (equals(path, {"kind"})) return keep(path, kind, text, kind_);
    if (equals(path, {"metadata"})) return must_be_object(path, kind);
    if (equals(path, {"metadata", "resourceVersion"})) {
      return keep(path, kind, text, page_.resource_version);
    }
    if (equals(path, {"metadata", "continue"})) {
      return keep(path, kind, text, page_.continue_token);
    }
    if (equals(path, {"items"})) {
      if (kind != JsonKind::kList || has_items_) return of_another_kind(path, "one list");
      has_items_ = true;
    }
    if (path[0] != "items" || path.size() < 2) return {};
    if (path.size() > 2) return read_service(path.subspan(2), kind, text, service_);
    if (kind != JsonKind::kObject) return of_another_kind(path, "an object");
    if (page_.services.size() == kMostServices) {
      return of_another_kind(path.first(1), "a list of at most 20000 Services");
    }
    service_ = {};
    return {};
  }

  Result<void> end_object(JsonPath path) override {
    if (!equals(path, {"items", kElement})) return {};
    if (service_.name.empty()) return Error{"a Service has no metadata.name"};
    page_.services.push_back(std::move(service_));
    return {};
  }

  Result<ServicePage> finish() {
    if (kind_ != "ServiceList") return Error{"the answer is a '" + kind_ + "', not a ServiceList"};
    if (!has_items_) return Error{"the ServiceList has no items"};
    if (page_.resource_version.empty()) {
      return Error{"the ServiceList has no metadata.resourceVersion"};
    }
    return std::move(page_);
  }

 private:
  ServicePage page_;
  Service service_;
  std::string kind_;
  bool has_items_ = false;
};

class ServicePageDecoder::State {
 public:
  Visitor visitor;
  JsonReader reader{visitor};
};

ServicePageDecoder::ServicePageDecoder() : state_(std::make_unique<State>()) {}

ServicePageDecoder::~ServicePageDecoder() = default;

Result<void> ServicePageDecoder::feed(std::string_view chunk) {
  if (!state_->reader.complete()) {
    const Result<std::size_t> consumed = state_->reader.read(chunk);
    if (!consumed) return consumed.error();
    chunk.remove_prefix(*consumed);
  }
  if (without_leading_space(chunk).empty()) return {};
  return Error{"something follows the ServiceList"};
}

Result<ServicePage> ServicePageDecoder::finish() {
  if (!state_->reader.complete()) return Error{"the answer ends in the middle"};
  return state_->visitor.finish();
}

class WatchDecoder::Visitor : public JsonVisitor {
 public:
  Result<void> begin(JsonPath path, JsonKind kind, std::string_view text) override {
    if (path.empty() || equals(path, {"object"})) {
      if (kind != JsonKind::kObject) return Error{"a watch event is not an object"};
      return {};
    }
    if (equals(path, {"type"})) return keep(path, kind, text, type_);
    if (equals(path, {"object", "kind"})) return keep(path, kind, text, kind_);
    if (path[0] != "object") return {};
    // Which of the two it is may be told only later.
    if (Result<void> read = read_status(path.subspan(1), kind, text, event_.status); !read) {
      return read;
    }
    return read_service(path.subspan(1), kind, text, event_.service);
  }

  Result<void> end_object(JsonPath) override { return {}; }

  Result<WatchEvent> finish() {
    const std::optional<WatchEvent::Type> type = event_type(type_);
    if (!type) return Error{"a watch event is of the unknown type '" + type_ + "'"};
    event_.type = *type;
    if (*type == WatchEvent::Type::kError) {
      event_.service = {};
      return std::move(event_);
    }
    event_.status = {};
    if (kind_ != "Service") return Error{"a watch event is about a '" + kind_ + "', not a Service"};
    if (event_.service.resource_version.empty()) {
      return Error{"a watch event has no metadata.resourceVersion"};
    }
    if (*type != WatchEvent::Type::kBookmark && event_.service.name.empty()) {
      return Error{"a watch event has no metadata.name"};
    }
    return std::move(event_);
  }

 private:
  WatchEvent event_;
  std::string type_;
  std::string kind_;
};

class WatchDecoder::State {
 public:
  Visitor visitor;
  JsonReader reader{visitor};
  std::size_t bytes = 0;
};

WatchDecoder::WatchDecoder() = default;

WatchDecoder::~WatchDecoder() = default;

Result<std::vector<WatchEvent>> WatchDecoder::feed(std::string_view chunk) {
  std::vector<WatchEvent> events;
  while (true) {
    if (!state_) chunk = without_leading_space(chunk);
    if (chunk.empty()) return events;
    if (!state_) state_ = std::make_unique<State>();
    const Result<std::size_t> consumed = state_->reader.read(chunk);
    if (!consumed) return consumed.error().wrap("a watch event");
    chunk.remove_prefix(*consumed);
    state_->bytes += *consumed;
    if (state_->bytes > kMostEventBytes) return Error{"a watch event has more than 8 MiB"};
    if (!state_->reader.complete()) continue;
    Result<WatchEvent> event = state_->visitor.finish();
    if (!event) return event.error();
    events.push_back(std::move(*event));
    state_.reset();
  }
}

bool WatchDecoder::between_events() const { return !state_; }

namespace {

class StatusVisitor : public JsonVisitor {
 public:
  Result<void> begin(JsonPath path, JsonKind kind, std::string_view text) override {
    if (equals(path, {"kind"}) && kind == JsonKind::kString) is_status = text == "Status";
    return read_status(path, kind, text, status);
  }
  Result<void> end_object(JsonPath) override { return {}; }

  Status status;
  bool is_status = false;
};

}  // namespace

std::optional<Status> decode_status(std::string_view body) {
  StatusVisitor visitor;
  JsonReader reader(visitor);
  if (!reader.read(body) || !reader.complete() || !visitor.is_status) return std::nullopt;
  return std::move(visitor.status);
}

}  // namespace drainbow::kube
