// The API server's answers about Services, as values: pages of a list, events of a watch, and
// Status objects. Pure: they are fed the bytes of a response body in chunks cut anywhere.
//
// An answer that is incomplete, of another kind, or has something of another type than it should is
// an error. Nothing is taken for absent that only was not understood: a Service lost here would
// look like a deselected pod.
//
// Forms: kubernetes.io/docs, "Kubernetes API Concepts"; k8s.io/api core/v1 Service;
// k8s.io/apimachinery meta/v1 Status, WatchEvent.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drain/result.h"
#include "drain/selection.h"

namespace drainbow::kube {

// Why the API server refuses something, in its own words.
struct Status {
  int code = 0;  // as HTTP's; 0: not given
  std::string reason;
  std::string message;  // the first 500 bytes

  bool operator==(const Status&) const = default;
};

// Of a namespace; so a page, which has as many as were asked for, never has more.
inline constexpr std::size_t kMostServices = 20'000;

struct Service {
  std::string name;
  std::string resource_version;
  ServiceSelector selector;

  bool operator==(const Service&) const = default;
};

struct ServicePage {
  std::vector<Service> services;
  std::string resource_version;  // of the list: where a watch may begin
  std::string continue_token;    // of the next page; empty: this was the last

  bool operator==(const ServicePage&) const = default;
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };

  Type type = Type::kBookmark;
  Service service;  // a bookmark has only a resource_version
  Status status;    // of kError

  bool operator==(const WatchEvent&) const = default;
};

// One page of a list.
class ServicePageDecoder {
 public:
  ServicePageDecoder();
  ~ServicePageDecoder();

  // The next bytes of the body.
  Result<void> feed(std::string_view chunk);
  // The whole page, once the body has ended.
  Result<ServicePage> finish();

 private:
  class Visitor;
  class State;
  std::unique_ptr<State> state_;
};

// A watch: one JSON object after the other, for as long as the connection lives.
class WatchDecoder {
 public:
  WatchDecoder();
  ~WatchDecoder();

  // The events that are complete with these bytes.
  Result<std::vector<WatchEvent>> feed(std::string_view chunk);
  // Whether the body may end here: no event is half done.
  bool between_events() const;

 private:
  class Visitor;
  class State;
  std::unique_ptr<State> state_;
};

// The body of a refusal; nothing if it holds no Status (a proxy in between may have refused).
std::optional<Status> decode_status(std::string_view body);

}  // namespace drainbow::kube
