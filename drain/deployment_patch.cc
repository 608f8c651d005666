#include "drain/deployment_patch.h"

namespace drainbow {
namespace {

template <typename T>
void apply(const Change<T>& change, Annotation<T>& annotation) {
  if (change.drops()) annotation = {};
  if (change.sets() != nullptr) annotation = *change.sets();
}

}  // namespace

Deployment patched(Deployment deployment, const DeploymentPatch& patch) {
  if (patch.replicas) deployment.replicas = *patch.replicas;
  apply(patch.last_selected_at, deployment.last_selected_at);
  apply(patch.hold_until, deployment.hold_until);
  apply(patch.mark, deployment.mark);
  apply(patch.scaled_at, deployment.scaled_at);
  apply(patch.kept_replicas, deployment.kept_replicas);
  return deployment;
}

}  // namespace drainbow
