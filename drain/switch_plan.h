// The steps of a switch or rollback, decided from what was just read. Pure.
//
//   1  begin_switch    one patch of the target: held, un-marked, with replicas
//   2  pods_are_ready  wait, renewing the hold (renewed_hold)
//   3  may_repoint     the target read again; then one patch for each Service, asked before each
//   4  may_finish      the target read once more: then finished_target and left_color are written;
//                      if not, or if a Service failed, every Service gets its old selector back
//
// While it is held, no cleanup takes anything from the target; and the hold's write makes every
// cleanup that judged the target earlier fail by its resourceVersion.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drain/deployment_patch.h"
#include "drain/family.h"

namespace drainbow {

// So long a switch holds its target, from each renewal.
inline constexpr Millis kHold = std::chrono::minutes(2);
// So much of it must be left when a Service is patched: a switch that was frozen must fail.
inline constexpr Millis kHoldLeft = std::chrono::seconds(30);
// It is renewed when so little is left.
inline constexpr Millis kRenewHold = std::chrono::seconds(90);

struct SwitchRequest {
  std::string deployment;
  std::optional<std::uint64_t> replicas;  // --replicas: at least so many; fewer than live are fine
  std::vector<std::string> services;      // --service; empty: all of the family that select a color
};

// A Service's new selector. Its version is that of the object that was read.
struct ServicePatch {
  std::string name;
  ObjectVersion version;
  Labels selector;

  bool operator==(const ServicePatch&) const = default;
};

struct SwitchStart {
  ObjectVersion judged;             // of the target
  DeploymentPatch patch;            // step 1
  std::string color;                // the value that the Services get
  std::uint64_t replicas = 0;       // of the target after the patch
  std::vector<Service> services;    // to be patched, as they are now
  std::vector<std::string> leaves;  // Deployments selected by them now, but for the target
};

// Refuses a color that does not exist or is being deleted, selectors that overlap, annotations that
// cannot be read, and a target that would get fewer pods than the live color has.
Result<SwitchStart> begin_switch(const Inventory& look, const SwitchRequest& request,
                                 std::string_view color_label, WallTime now);

// Every replica that the target wants is Ready.
bool pods_are_ready(const Deployment& target, const std::vector<Pod>& pods);

// When `left` of the hold remains, by the switch's own clock.
std::optional<DeploymentPatch> renewed_hold(Millis left, WallTime now);

// Why the target must not get the Services, or not keep them; empty: it may. The object is the one
// that was begun with, wants pods, and no cleanup has touched it.
std::vector<Reason> target_problems(const SwitchStart& start, const Deployment& target);
// The same, and enough of the hold is left by the switch's own clock, which counts suspended time.
std::vector<Reason> repoint_problems(const SwitchStart& start, const Deployment& target,
                                     Millis hold_left);

ServicePatch repointed(const Service& service, std::string_view color_label,
                       const std::string& color);
// Back to what it was; `current` is the Service as the switch left it.
ServicePatch put_back(const Service& before, const ObjectVersion& current);

DeploymentPatch finished_target(WallTime now);
DeploymentPatch left_color(WallTime now);

// The color that was live last and is not now. With several live colors a person must say which.
Result<std::string> rollback_target(const Family& family);

// A person's word that a color which was never seen selected is no pre-release. It takes the time
// of its creation: it is older than every color that really was live since.
Result<DeploymentPatch> retire(const Deployment& deployment);

}  // namespace drainbow
