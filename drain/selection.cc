#include "drain/selection.h"

#include <algorithm>

namespace drainbow {
namespace {

// The document stays bounded, however many Services a namespace has.
constexpr std::size_t kMostShown = 50;

Reason selects_every_color(const std::string& service, std::string_view color_label) {
  return {"service_without_color",
          "Service " + service + " selects every color, since its selector does not name " +
              std::string(color_label) +
              ": if it brings no sessions that must be kept, annotate it with " +
              std::string(kIgnoreAnnotation) + ": \"true\""};
}

}  // namespace

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::ranges::includes(labels, selector);
}

ServiceMatch match_services(const Labels& pod, const ServiceSelectors& services,
                            std::string_view color_label) {
  ServiceMatch match;
  for (const auto& [name, service] : services) {
    if (service.ignored || !selects(service.selector, pod)) continue;
    if (match.services.size() == kMostShown) break;
    match.services.push_back(name);
    if (!service.selector.contains(std::string(color_label))) {
      match.notes.push_back(selects_every_color(name, color_label));
    }
  }
  return match;
}

}  // namespace drainbow
