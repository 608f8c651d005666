# Sourced by image.sh, install.sh and uninstall.sh.
# shellcheck shell=sh disable=SC2034 # its variables are for those

# The demo's name: of its Service, and the first part of its Deployments'.
APP=drainbow-demo

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# Sets COLOR, six lower-case hex digits: $COLOR, else the first six of the commit that is checked
# out in DIRECTORY.
find_color() {  # directory
  if [ -z "${COLOR:-}" ]; then
    head=$(git -C "$1" rev-parse --verify --quiet HEAD) ||
      die "there is no git commit here to take the color from; name one: COLOR=12e034"
    COLOR=$(printf '%.6s' "$head")
    [ -z "$(git -C "$1" status --porcelain | head -n 1)" ] ||
      echo "warning: the work tree differs from commit $COLOR (see git status):" \
           "the color names a commit that the image is not" >&2
  fi
  check_color
}

check_color() {
  COLOR=$(printf '%s' "$COLOR" | tr 'A-F' 'a-f')
  case $COLOR in
    *[!0-9a-f]*) ;;
    ??????) return ;;
  esac
  die "COLOR is '$COLOR'; it must be exactly six hex digits, such as 12e034"
}

# Sets AGENT_IMAGE and DEMO_IMAGE, without the tag.
find_images() {
  AGENT_IMAGE=${DOCKER_IMAGE:-localhost/drainbow}
  DEMO_IMAGE=$AGENT_IMAGE-demo
  case ${AGENT_IMAGE##*/} in
    *[:@]*) die "DOCKER_IMAGE is '$AGENT_IMAGE'; it must have no tag, since the color is the tag" ;;
  esac
}

# Sets NAMESPACE.
find_namespace() {
  command -v kubectl > /dev/null || die "kubectl is not here"
  [ -n "${NAMESPACE:-}" ] ||
    NAMESPACE=$(kubectl config view --minify -o 'jsonpath={..namespace}' 2> /dev/null) || true
  NAMESPACE=${NAMESPACE:-default}
}
kube() { kubectl --namespace "$NAMESPACE" "$@"; }

# Native sidecars came with 1.29. Older clusters take the agent for an init container that never
# ends.
check_cluster() {
  minor=$(kubectl get --raw /version) ||
    die "the cluster does not answer; see kubectl config current-context"
  minor=$(printf '%s' "$minor" | tr -d ' \n' | sed 's/.*"minor":"\([0-9]*\).*/\1/')
  [ "$minor" -ge 29 ] || die "the cluster is Kubernetes 1.$minor; native sidecars need 1.29"
}
