#include "drain/family.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace drainbow {
namespace {

// A Service that counts, and its selector without the color.
struct Selecting {
  const Service* service = nullptr;
  Labels rest;
};

std::vector<Selecting> that_count(const std::vector<Service>& services,
                                  const std::string& color_label) {
  std::vector<Selecting> all;
  for (const Service& service : services) {
    if (service.ignored || service.selector.empty()) continue;
    all.push_back({&service, service.selector});
    all.back().rest.erase(color_label);
  }
  std::ranges::sort(all, {}, [](const Selecting& one) { return one.service->name; });
  return all;
}

// Whether it selects the color, or would with another color in its selector.
bool concerns(const Selecting& one, const Color& color) {
  return std::ranges::includes(color.deployment.template_labels, one.rest);
}

bool makes_family(const Selecting& one, const Color& color) {
  return !one.rest.empty() && concerns(one, color);
}

bool holds(const SliceEndpoint& endpoint, const Pod& pod) {
  if (!endpoint.target_uid.empty()) return endpoint.target_uid == pod.uid;
  return std::ranges::find_first_of(endpoint.addresses, pod.ips) != endpoint.addresses.end();
}

bool holds_any(const EndpointSlice& slice, const std::vector<Pod>& pods) {
  return std::ranges::any_of(slice.endpoints, [&](const SliceEndpoint& endpoint) {
    return std::ranges::any_of(
        pods, [&](const Pod& pod) { return !is_over(pod) && holds(endpoint, pod); });
  });
}

std::vector<std::string> slices_with(const std::vector<Pod>& pods, const Inventory& inventory) {
  std::set<std::string> ignored;
  for (const Service& service : inventory.services) {
    if (service.ignored) ignored.insert(service.name);
  }
  std::vector<std::string> names;
  for (const EndpointSlice& slice : inventory.slices) {
    if (!ignored.contains(slice.service) && holds_any(slice, pods)) names.push_back(slice.name);
  }
  return names;
}

std::vector<std::string> overlaps_of(const Color& color, const Inventory& inventory) {
  std::vector<std::string> names;
  for (const Deployment& other : inventory.deployments) {
    if (other.name == color.deployment.name) continue;
    const auto matched = [&](const Pod& pod) { return matches(other.selector, pod.labels); };
    if (matches(other.selector, color.deployment.template_labels) ||
        std::ranges::any_of(color.pods, matched)) {
      names.push_back(other.name);
    }
  }
  return names;
}

std::vector<std::string> selected_by(const Color& color, const std::vector<Service>& services) {
  std::set<std::string> names;
  const auto add = [&](const Labels& labels) {
    for (std::string& name : selecting_services(services, labels)) names.insert(std::move(name));
  };
  add(color.deployment.template_labels);
  for (const Pod& pod : color.pods) add(pod.labels);
  return {names.begin(), names.end()};
}

std::vector<Reason> without_color(const Color& color, const std::vector<Service>& services,
                                  const std::string& color_label) {
  ServiceSelectors selectors;
  for (const Service& service : services) {
    selectors[service.name] = {service.selector, service.ignored};
  }
  return match_services(color.deployment.template_labels, selectors, color_label).notes;
}

std::vector<Color> find_colors(const Inventory& inventory, const std::string& color_label) {
  std::vector<Color> colors;
  for (const Deployment& deployment : inventory.deployments) {
    const auto value = deployment.template_labels.find(color_label);
    if (value == deployment.template_labels.end()) continue;
    Color color;
    color.deployment = deployment;
    color.value = value->second;
    for (const Pod& pod : inventory.pods) {
      if (matches(deployment.selector, pod.labels)) color.pods.push_back(pod);
    }
    color.selected_by = selected_by(color, inventory.services);
    color.overlaps = overlaps_of(color, inventory);
    color.slices = slices_with(color.pods, inventory);
    color.notes = without_color(color, inventory.services, color_label);
    colors.push_back(std::move(color));
  }
  std::ranges::sort(colors, {}, [](const Color& color) { return color.deployment.name; });
  return colors;
}

// Selectors of one family point to the same number: those that share a color, directly or through
// others.
std::map<Labels, std::size_t> number_families(const std::vector<Color>& colors,
                                              const std::vector<Selecting>& services) {
  std::map<Labels, std::size_t> numbers;
  for (const Selecting& one : services) numbers.emplace(one.rest, numbers.size());
  for (const Color& color : colors) {
    std::set<std::size_t> shared;
    for (const Selecting& one : services) {
      if (makes_family(one, color)) shared.insert(numbers[one.rest]);
    }
    for (auto& [rest, number] : numbers) {
      if (shared.contains(number)) number = *shared.begin();
    }
  }
  return numbers;
}

Result<Policy> policy_of(const Color& color, const std::vector<Selecting>& services,
                         const std::set<Labels>& rests, const Policy& flags) {
  std::map<Labels, std::vector<NamedOverrides>> by_family;
  for (const Selecting& one : services) {
    if (!rests.contains(one.rest)) continue;
    by_family[one.rest].push_back({"Service " + one.service->name, one.service->policy});
  }
  std::vector<std::vector<NamedOverrides>> families;
  families.reserve(by_family.size());
  for (auto& [rest, owners] : by_family) families.push_back(std::move(owners));
  return policy_for(flags, families,
                    {"Deployment " + color.deployment.name, color.deployment.policy});
}

// `rests`: the selectors that make the family; the policy of each is everybody's.
Family make_family(std::vector<Color> colors, const std::vector<Selecting>& services,
                   const std::set<Labels>& rests, const Policy& flags) {
  Family family;
  for (Color& color : colors) color.policy = policy_of(color, services, rests, flags);
  for (const Selecting& one : services) {
    const auto concerned = [&](const Color& color) { return concerns(one, color); };
    if (std::ranges::any_of(colors, concerned)) family.services.push_back(*one.service);
  }
  family.colors = std::move(colors);
  return family;
}

}  // namespace

std::uint64_t Color::ready_pods() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(pods, [](const Pod& pod) { return pod.ready && !is_over(pod); }));
}

std::vector<std::string> selecting_services(const std::vector<Service>& services,
                                            const Labels& labels) {
  std::vector<std::string> names;
  for (const Service& service : services) {
    if (!service.ignored && selects(service.selector, labels)) names.push_back(service.name);
  }
  std::ranges::sort(names);
  return names;
}

Families find_families(const Inventory& inventory, std::string_view color_label,
                       const Policy& flags) {
  const std::string label(color_label);
  const std::vector<Selecting> services = that_count(inventory.services, label);
  std::vector<Color> colors = find_colors(inventory, label);
  const std::map<Labels, std::size_t> numbers = number_families(colors, services);

  Families found;
  std::map<std::size_t, std::vector<Color>> members;
  for (Color& color : colors) {
    const auto one = std::ranges::find_if(
        services, [&](const Selecting& service) { return makes_family(service, color); });
    if (one != services.end()) {
      members[numbers.at(one->rest)].push_back(std::move(color));
    } else if (color.selected()) {
      found.families.push_back(make_family({std::move(color)}, services, {}, flags));
    } else {
      found.orphans.push_back(std::move(color));
    }
  }
  for (auto& [number, of_family] : members) {
    std::set<Labels> rests;
    for (const auto& [rest, of_rest] : numbers) {
      if (of_rest == number && !rest.empty()) rests.insert(rest);
    }
    found.families.push_back(make_family(std::move(of_family), services, rests, flags));
  }
  std::ranges::sort(found.families, {},
                    [](const Family& family) { return family.colors[0].deployment.name; });
  return found;
}

}  // namespace drainbow
