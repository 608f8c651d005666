#!/bin/bash
# load-image.sh IMAGE...: takes images to the node, each an archive (docker or OCI, .tar) or the
# name of one that $CONTAINER_TOOL (buildah, docker or podman; default buildah) has.
. "$(dirname "$0")/env.sh"
(($#)) || die "usage: load-image.sh IMAGE..."
running containerd || die "no cluster runs in $CLUSTER_STATE"
save() {
  case ${CONTAINER_TOOL:-buildah} in
    buildah) buildah push --quiet "$1" "docker-archive:/dev/stdout:$1" ;;
    *) "$CONTAINER_TOOL" save "$1" ;;
  esac
}
for image; do
  if [ -f "$image" ]; then
    ctr images import "$image"
  else
    save "$image" | ctr images import -
  fi
done
