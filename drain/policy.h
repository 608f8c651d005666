// What a color must fulfil before it goes, and who says so. Pure.
//
// An annotation on the Deployment goes before one on a Service, and that before the flag. Where
// several Services or families have a say, every one of them must allow: the strictest value holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drain/annotation.h"
#include "drain/time.h"

namespace drainbow {

struct Policy {
  // Open connections of a color, over all its pods, that are as good as none.
  std::uint64_t threshold = 0;
  // Connections silent for so long are set aside. Nothing: none is.
  std::optional<Millis> ignore_idle;
  // So many colors that were live stay, the last ones: targets of a rollback.
  std::uint64_t keep = 1;
  // So long a color stays at zero replicas before its Deployment is deleted.
  Millis retain{0};
  // A younger Deployment is left alone.
  Millis min_color_age{std::chrono::minutes(10)};

  // The next two are a run's own; no annotation changes them.
  // So long a mark must hold before its color is scaled to zero; never less than kLeastConfirm.
  Millis confirm_after{std::chrono::minutes(5)};
  // So long a color stays at zero before it may be deleted: time for a doubt to show.
  Millis verify_after{std::chrono::seconds(30)};

  static constexpr Millis kLeastConfirm{60'000};

  bool operator==(const Policy&) const = default;
};

// The annotations of one object. An inner nothing of `ignore_idle` is "off".
struct PolicyOverrides {
  Annotation<std::uint64_t> threshold;
  Annotation<std::optional<Millis>> ignore_idle;
  Annotation<std::uint64_t> keep;
  Annotation<Millis> retain;
  Annotation<Millis> min_color_age;

  bool operator==(const PolicyOverrides&) const = default;
};

// A Service's or Deployment's annotations, and whose they are: "Service web".
struct NamedOverrides {
  std::string owner;
  PolicyOverrides overrides;
};

// One color's policy. `families` holds the Services of each family that the color's is made of. An
// error names the annotation that cannot be read, whoever else has a readable one.
Result<Policy> policy_for(const Policy& flags,
                          const std::vector<std::vector<NamedOverrides>>& families,
                          const NamedOverrides& deployment);

}  // namespace drainbow
