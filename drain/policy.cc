#include "drain/policy.h"

#include <algorithm>
#include <string_view>

namespace drainbow {
namespace {

using Services = std::vector<NamedOverrides>;

template <typename T>
using Field = Annotation<T> PolicyOverrides::*;

template <typename T, typename Stricter>
Result<T> resolve(std::string_view name, Field<T> field, const T& flag,
                  const std::vector<Services>& families, const NamedOverrides& deployment,
                  const Stricter& stricter) {
  const auto unreadable = [&](const NamedOverrides& owner) {
    std::string context = "annotation drainbow.dev/";
    context.append(name).append(" of ").append(owner.owner);
    return (owner.overrides.*field).error().wrap(context);
  };
  if ((deployment.overrides.*field).malformed()) return unreadable(deployment);
  std::optional<T> strictest;
  const auto narrow = [&](std::optional<T>& so_far, const T& value) {
    so_far = so_far ? stricter(*so_far, value) : value;
  };
  for (const Services& services : families) {
    std::optional<T> of_family;
    for (const NamedOverrides& service : services) {
      const Annotation<T>& value = service.overrides.*field;
      if (value.malformed()) return unreadable(service);
      if (value.get() != nullptr) narrow(of_family, *value.get());
    }
    narrow(strictest, of_family.value_or(flag));
  }
  if (const T* own = (deployment.overrides.*field).get()) return *own;
  return strictest.value_or(flag);
}

constexpr auto kLess = [](const auto& a, const auto& b) { return std::min(a, b); };
constexpr auto kMore = [](const auto& a, const auto& b) { return std::max(a, b); };
// Off is the strictest: nothing is set aside.
constexpr auto kLongerOrOff = [](const std::optional<Millis>& a, const std::optional<Millis>& b) {
  return a && b ? std::max(a, b) : std::nullopt;
};

}  // namespace

Result<Policy> policy_for(const Policy& flags, const std::vector<Services>& families,
                          const NamedOverrides& deployment) {
  using O = PolicyOverrides;
  const auto threshold = resolve<std::uint64_t>("threshold", &O::threshold, flags.threshold,
                                                families, deployment, kLess);
  if (!threshold) return threshold.error();
  const auto ignore_idle = resolve<std::optional<Millis>>(
      "ignore-idle", &O::ignore_idle, flags.ignore_idle, families, deployment, kLongerOrOff);
  if (!ignore_idle) return ignore_idle.error();
  const auto keep =
      resolve<std::uint64_t>("keep", &O::keep, flags.keep, families, deployment, kMore);
  if (!keep) return keep.error();
  const auto retain =
      resolve<Millis>("retain", &O::retain, flags.retain, families, deployment, kMore);
  if (!retain) return retain.error();
  const auto min_age = resolve<Millis>("min-color-age", &O::min_color_age, flags.min_color_age,
                                       families, deployment, kMore);
  if (!min_age) return min_age.error();
  Policy policy = flags;
  policy.threshold = *threshold;
  policy.ignore_idle = *ignore_idle;
  policy.keep = *keep;
  policy.retain = *retain;
  policy.min_color_age = *min_age;
  return policy;
}

}  // namespace drainbow
