#include "drain/inventory.h"

#include <algorithm>

namespace drainbow {
namespace {

// As Kubernetes has it: NotIn also matches labels that lack the key.
bool matches(const LabelRequirement& requirement, const Labels& labels) {
  using enum LabelRequirement::Operator;
  const auto found = labels.find(requirement.key);
  const bool exists = found != labels.end();
  const bool in =
      exists && std::ranges::find(requirement.values, found->second) != requirement.values.end();
  switch (requirement.op) {
    case kIn:
      return in;
    case kNotIn:
      return !in;
    case kExists:
      return exists;
    case kDoesNotExist:
      return !exists;
  }
  return false;
}

}  // namespace

bool matches(const LabelSelector& selector, const Labels& labels) {
  if (selector.match_labels.empty() && selector.match_expressions.empty()) return false;
  return std::ranges::includes(labels, selector.match_labels) &&
         std::ranges::all_of(selector.match_expressions, [&](const LabelRequirement& requirement) {
           return matches(requirement, labels);
         });
}

}  // namespace drainbow
