#!/bin/sh
# image.sh: builds both images, and hands them to the cluster if told how.
#   COLOR           six hex digits; else the first six of git HEAD. The images' tag, and what
#                   color-server shows
#   DOCKER_IMAGE    the agent's image; the demo's is $DOCKER_IMAGE-demo   [localhost/drainbow]
#   CONTAINER_TOOL  docker, podman or buildah; else the first of them that works
#   LOAD_IMAGE      a command that is called with each image, such as 'kind load docker-image' or
#                   'docker push'
#   BASE            what the build stage starts from   [debian:bookworm-slim]
set -eu
. "$(dirname "$0")/release.sh"
cd "$(dirname "$0")/.."
find_color .
find_images

works() {
  case $1 in
    docker) docker version > /dev/null 2>&1 ;;  # the client alone builds nothing
    *) command -v "$1" > /dev/null ;;
  esac
}
find_tool() {
  for candidate in docker podman buildah; do
    if works "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  die "found neither docker with a daemon that answers, nor podman, nor buildah: install one"
}
if [ -n "${CONTAINER_TOOL:-}" ]; then
  command -v "$CONTAINER_TOOL" > /dev/null ||
    die "CONTAINER_TOOL is '$CONTAINER_TOOL', which is not here"
else
  CONTAINER_TOOL=$(find_tool)
fi
case ${CONTAINER_TOOL##*/} in
  buildah)
    # Its own network would leave a bridge and packet filter rules behind on this machine.
    options='bud --network host --layers' ;;
  podman) options='build --layers' ;;
  *) options=build ;;
esac
export DOCKER_BUILDKIT=1  # older dockers' default builder has no cache mounts

build() {  # target, image
  echo "building $2 with ${CONTAINER_TOOL##*/}"
  # shellcheck disable=SC2086 # a list of words
  "$CONTAINER_TOOL" $options --target "$1" --tag "$2" \
    --build-arg COLOR="$COLOR" ${BASE:+--build-arg BASE="$BASE"} .
}
load() {  # image
  echo "loading $1: $LOAD_IMAGE $1"
  # shellcheck disable=SC2086 # a list of words
  $LOAD_IMAGE "$1" ||
    die "'$LOAD_IMAGE $1' failed. The image is built; load it by hand, or change LOAD_IMAGE"
}

build drainbow "$AGENT_IMAGE:$COLOR"
build demo "$DEMO_IMAGE:$COLOR"
if [ -n "${LOAD_IMAGE:-}" ]; then
  load "$AGENT_IMAGE:$COLOR"
  load "$DEMO_IMAGE:$COLOR"
fi
echo "built $AGENT_IMAGE:$COLOR and $DEMO_IMAGE:$COLOR"
