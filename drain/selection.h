// Which Services select a pod. Pure.
//
// A Service selects the pods of its namespace whose labels hold every pair of its selector; a
// Service without a selector selects none (kubernetes.io/docs, "Service": "Services without
// selectors").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "drain/verdict.h"

namespace drainbow {

// Of an object: kept by key, as Kubernetes has them.
using Labels = std::map<std::string, std::string>;

// A Service with this annotation set to "true" does not count: a pin, headless or metrics Service
// that sends a draining pod no new sessions.
inline constexpr std::string_view kIgnoreAnnotation = "drainbow.dev/ignore";

// What of a Service matters for selection.
struct ServiceSelector {
  Labels selector;
  bool ignored = false;

  bool operator==(const ServiceSelector&) const = default;
};

// The Services of one namespace, by name.
using ServiceSelectors = std::map<std::string, ServiceSelector>;

// False for an empty selector.
bool selects(const Labels& selector, const Labels& labels);

struct ServiceMatch {
  std::vector<std::string> services;  // that count and select the pod, by name; the first 50
  std::vector<Reason> notes;          // on Services that select every color

  bool operator==(const ServiceMatch&) const = default;
};

// `color_label` is the label whose value tells the colors apart. A Service that selects the pod
// without naming it selects every color, and no color would ever be left: that is a note.
ServiceMatch match_services(const Labels& pod, const ServiceSelectors& services,
                            std::string_view color_label);

}  // namespace drainbow
