#!/bin/sh
# install.sh: releases the demo's color. Brings its Deployment, waits until its pods are Ready, and
# only then points the Service at it. Other colors stay as they are.
#   COLOR            six hex digits; else the first six of git HEAD
#   DOCKER_IMAGE     the agent's image; the demo's is $DOCKER_IMAGE-demo   [localhost/drainbow]
#   NAMESPACE        else kubectl's current one
#   COMPONENTS       folders of manifests/components to add, such as 'network-policy pod-monitor'
#   HTTP_NODE_PORT, TCP_NODE_PORT   [31080, 31081; 0: the cluster chooses]
#   INSTALL_TIMEOUT  seconds to wait for Ready   [180]
# May be run again at any time: it goes on where it was stopped, and never changes pods that run.
set -eu
. "$(dirname "$0")/release.sh"
cd "$(dirname "$0")/.."
find_color .
find_images
find_namespace
deployment=$APP-$COLOR
timeout=${INSTALL_TIMEOUT:-180}
case $timeout in
  *[!0-9]* | '') die "INSTALL_TIMEOUT is '$timeout'; it must be a number of seconds" ;;
esac

# --- What this color is, as manifests: $work/objects/KIND.yaml.

write_color() {
  cat > "$work/color/kustomization.yaml" << END
resources: [../../../manifests/demo]
namespace: "$NAMESPACE"
images:
  - {name: localhost/drainbow, newName: "$AGENT_IMAGE", newTag: "$COLOR"}
  - {name: localhost/drainbow-demo, newName: "$DEMO_IMAGE", newTag: "$COLOR"}
patches:
  - target: {kind: Deployment}
    options: {allowNameChange: true}
    patch: |
      - {op: replace, path: /metadata/name, value: "$deployment"}
      - {op: replace, path: /metadata/labels/color, value: "$COLOR"}
      - {op: replace, path: /spec/selector/matchLabels/color, value: "$COLOR"}
      - {op: replace, path: /spec/template/metadata/labels/color, value: "$COLOR"}
  - target: {kind: Service}
    patch: |
      - {op: replace, path: /spec/selector/color, value: "$COLOR"}
      - {op: replace, path: /spec/ports/0/nodePort, value: ${HTTP_NODE_PORT:-31080}}
      - {op: replace, path: /spec/ports/1/nodePort, value: ${TCP_NODE_PORT:-31081}}
replacements:
  - source: {kind: Role, name: drainbow-agent, fieldPath: metadata.namespace}
    targets:
      - select: {kind: RoleBinding, name: drainbow-agent}
        fieldPaths: [subjects.0.name]
        options: {delimiter: ":", index: 2}
END
}

write_components() {
  printf 'resources: [color]\nnamespace: "%s"\ncomponents:\n' "$NAMESPACE"
  for component in ${COMPONENTS:-}; do
    [ -d "manifests/components/$component" ] ||
      die "COMPONENTS names '$component'; there are: $(cd manifests/components && echo *)"
    echo "  - ../../manifests/components/$component"
  done
}

split_by_kind() {
  awk -v directory="$work/objects" '
    function flush() {
      if (kind) printf "---\n%s", text >> (directory "/" kind ".yaml")
      text = kind = ""
    }
    /^---$/ { flush(); next }
    /^kind: / { kind = $2 }
    { text = text $0 "\n" }
    END { flush() }'
}

render() {
  mkdir "$work/color" "$work/objects"
  write_color
  write_components > "$work/kustomization.yaml"
  kubectl kustomize "$work" > "$work/all.yaml"
  split_by_kind < "$work/all.yaml"
}

# --- What the cluster holds.

# Fields of the Deployment, of the Service, by jsonpath; nothing if there is none.
deployment_field() { kube get deployment "$deployment" --ignore-not-found -o "jsonpath=$1"; }
service_field() { kube get service "$APP" --ignore-not-found -o "jsonpath=$1"; }

waiting_reasons() {
  kube get pods -l "app=$APP,color=$COLOR" -o jsonpath='{range .items[*]}
{range .status.initContainerStatuses[*]}{.state.waiting.reason}{"\n"}{end}
{range .status.containerStatuses[*]}{.state.waiting.reason}{"\n"}{end}{end}' |
    grep -v -e '^$' -e PodInitializing -e ContainerCreating |
    sed 's/^ErrImagePull$/ImagePullBackOff/' | sort -u  # kubelet goes to and fro between the two
  deployment_field '{.status.conditions[?(@.type=="ReplicaFailure")].message}'
}

# "Ready 1/2 (ImagePullBackOff)"
readiness() {
  deployment_field 'Ready {.status.readyReplicas}/{.spec.replicas}' |
    sed 's|Ready /|Ready 0/|' | tr -d '\n'
  reasons=$(waiting_reasons)
  [ -z "$reasons" ] || printf ' (%s)' "$(printf '%s' "$reasons" | tr '\n' ' ')"
}

# The Deployment's uid, once all its pods are of this template, and Ready.
ready_uid() {
  replicas='{.spec.replicas} {.status.replicas} {.status.updatedReplicas} {.status.readyReplicas}'
  deployment_field "{.metadata.generation} {.status.observedGeneration} $replicas {.metadata.uid}" |
    awk 'NF == 7 && $1 == $2 && $3 > 0 && $3 == $4 && $3 == $5 && $3 == $6 { print $7 }'
}

say_state() {
  state=$(readiness 2> /dev/null) || state=
  [ -z "$state" ] || echo "Deployment $deployment is there: $state."
  color=$(service_field '{.spec.selector.color}' 2> /dev/null) || color=
  if [ -n "$color" ]; then
    echo "Service $APP selects $color: new connections go there."
  else
    echo "No Service $APP was seen to select a color."
  fi
}

# However it ends: once something was changed, a failure says what state it leaves.
finish() {
  status=$?
  trap '' INT TERM HUP
  if [ "$status" != 0 ] && [ -n "$changing" ]; then
    say_state
    echo "The same command again goes on from here;" \
         "make uninstall COLOR=$COLOR takes the color away."
  fi >&2
  rm -rf "$work"
}

# --- The steps.

# A color that is there is never changed: that would roll its pods, and end their connections.
refuse_change() {
  file=$work/objects/Deployment.yaml
  wanted=$(kube apply --dry-run=server -f "$file" -o 'jsonpath={.spec.template}') ||
    die "Deployment $deployment is there, and cannot become what the manifests say.
Commit, for a color of its own"
  if [ "$wanted" != "$(deployment_field '{.spec.template}')" ]; then
    kube diff -f "$file" | grep '^[-+] ' | grep -v '^. *generation:' >&2 || true
    die "Deployment $deployment is there with other pods (see above). Changing it would
restart them and end their connections, so nothing was done. Commit, and install the new color;
or, if nobody uses this one: make uninstall COLOR=$COLOR"
  fi
  [ "$(deployment_field '{.spec.replicas}')" != 0 ] ||
    die "Deployment $deployment is scaled to zero. Give it pods first:
kubectl -n $NAMESPACE scale deployment/$deployment --replicas=2"
}

# `kubectl apply`, quiet about what is as it was. With an owner it says "configured" each time.
apply() {  # file
  said=$(kube apply -f "$1") || return
  printf '%s\n' "$said" | grep -v -e ' unchanged$' -e ' configured$' || true
}

apply_shared() {
  for file in "$work"/objects/*.yaml; do
    case ${file##*/} in
      Deployment.yaml | Service.yaml | PodDisruptionBudget.yaml) ;;
      *) apply "$file" || die "cannot apply what all colors share, such as Role and RoleBinding" ;;
    esac
  done
}

create_deployment() {
  kube create --save-config -f "$work/objects/Deployment.yaml" ||
    die "the Deployment cannot be created"
}

# What belongs to this color alone goes when its Deployment goes: it is the owner.
apply_companions() {
  file=$work/objects/PodDisruptionBudget.yaml
  [ -e "$file" ] || return 0
  owner='{"apiVersion":"apps/v1","kind":"Deployment"'
  owner="$owner,\"name\":\"$deployment\",\"uid\":\"$(deployment_field '{.metadata.uid}')\"}"
  kubectl patch --local -f "$file" --type merge -o yaml \
    -p "{\"metadata\":{\"ownerReferences\":[$owner]}}" > "$work/companions.yaml"
  apply "$work/companions.yaml" || die "cannot apply the color's PodDisruptionBudget"
}

wait_until_ready() {
  deadline=$(($(date +%s) + timeout))
  shown=
  until uid=$(ready_uid) && [ -n "$uid" ]; do
    now=$(readiness) || now='no answer from the API server'
    [ "$now" = "$shown" ] || echo "waiting for the pods of $deployment: $now"
    shown=$now
    [ "$(date +%s)" -lt "$deadline" ] ||
      die "the pods of $deployment were not Ready within $timeout s: $now.
An image that cannot be pulled may not be in the cluster yet: make image LOAD_IMAGE=...
For the rest, see
kubectl -n $NAMESPACE describe pods -l app=$APP,color=$COLOR
kubectl -n $NAMESPACE logs -l app=$APP,color=$COLOR --all-containers --prefix"
    sleep 1
  done
  echo "the pods of $deployment: $(readiness)"
}

create_service() {
  kube create --save-config -f "$work/objects/Service.yaml" ||
    die "the Service cannot be created. If its NodePorts are taken,
choose others with HTTP_NODE_PORT and TCP_NODE_PORT (0: the cluster chooses)"
}

# One patch. The API server refuses it if the Service has changed since it was read here.
switch_service() {  # the color that it selected at the start
  service=$(service_field '{.metadata.resourceVersion} {.spec.selector.color}')
  [ "${service#* }" = "$1" ] ||
    die "somebody switched the Service meanwhile, from ${1:-no color} to ${service#* }"
  [ "$(ready_uid)" = "$uid" ] || die "the pods of $deployment are not Ready any more"
  version="\"resourceVersion\":\"${service%% *}\""
  kube patch service "$APP" --type merge \
    -p "{\"metadata\":{$version},\"spec\":{\"selector\":{\"color\":\"$COLOR\"}}}" ||
    die "the Service was not switched"
}

work=$(mkdir -p build && mktemp -d build/install.XXXXXX)
changing=
trap finish EXIT
trap 'die interrupted' INT TERM HUP
check_cluster
render

before=$(service_field '{.spec.selector.app} {.spec.selector.color}')
case $before in
  '' | "$APP "*) ;;
  *) die "Service $APP is there, but selects app: ${before%% *}. Choose another NAMESPACE" ;;
esac
there=$(deployment_field '{.metadata.uid}')
if [ -n "$there" ]; then
  refuse_change
  echo "Deployment $deployment is there, unchanged"
fi
changing=yes
apply_shared
[ -n "$there" ] || create_deployment
apply_companions
wait_until_ready
case $before in
  '') create_service ;;
  "$APP $COLOR") echo "Service $APP selects $COLOR already: nothing to do" ;;
  *) switch_service "${before#* }" ;;
esac
echo "color $COLOR gets the new connections of Service $APP in namespace $NAMESPACE"
