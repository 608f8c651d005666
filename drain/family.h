// Which Deployments are colors of one another, which pods are theirs, and which are selected. Pure.
//
//   family    a Service's selector without the color key; an empty rest makes none. Families that
//             share a Deployment are one.
//   color     a Deployment whose template labels match the family and carry the color key
//   pods      all that match the Deployment's selector
//   selected  a Service that counts matches the color's template labels, or those of any of its
//             pods. Selected colors are live.
//   orphan    a color in no family that no Service selects: listed, never acted on
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drain/inventory.h"

namespace drainbow {

struct Color {
  Deployment deployment;
  std::string value;  // of the color label: the git SHA
  std::vector<Pod> pods;
  std::vector<std::string> selected_by;  // Services that count, by name
  // Other Deployments whose selectors match its pods or its template: whose pods are whose, nobody
  // can say.
  std::vector<std::string> overlaps;
  std::vector<std::string> slices;  // EndpointSlices that hold one of its pods
  std::vector<Reason> notes;
  Result<Policy> policy = Policy{};

  bool selected() const { return !selected_by.empty(); }
  std::uint64_t ready_pods() const;
};

struct Family {
  // That count and select one of its colors, or would with another color in their selector. By
  // name.
  std::vector<Service> services;
  std::vector<Color> colors;  // by Deployment name
};

struct Families {
  std::vector<Family> families;  // by the name of their first color
  std::vector<Color> orphans;    // by Deployment name
};

Families find_families(const Inventory& inventory, std::string_view color_label,
                       const Policy& flags);

// The Services that count and select these labels, by name.
std::vector<std::string> selecting_services(const std::vector<Service>& services,
                                            const Labels& labels);

}  // namespace drainbow
