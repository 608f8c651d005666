#!/bin/sh
# uninstall.sh: takes the demo away; with COLOR, only that color, and only if the Service selects
# another. Pods end when their connections have ended, or after 330 s.
#   COLOR      six hex digits
#   NAMESPACE  else kubectl's current one
set -eu
. "$(dirname "$0")/release.sh"
find_namespace
check_cluster
trap 'die "interrupted; the same command again takes away what is left"' INT TERM HUP

remove_color() {
  check_color
  selected=$(kube get service "$APP" --ignore-not-found -o 'jsonpath={.spec.selector.color}')
  [ "$selected" != "$COLOR" ] ||
    die "Service $APP selects $COLOR, so nothing was done. Install another color first,
or take away all: make uninstall"
  kube delete deployment "$APP-$COLOR" || die "there are: $(kube get deployment -l "app=$APP" \
    -o 'jsonpath={.items[*].metadata.labels.color}')"
}

# Whether another app's pods run the agent, and so need its Role.
role_is_needed() {
  kube get deployments -l "app!=$APP" \
    -o 'jsonpath={.items[*].spec.template.spec.initContainers[*].name}' |
    tr ' ' '\n' | grep -qx drainbow-agent
}

remove_shared() {
  kube delete role,rolebinding drainbow-agent --ignore-not-found
  kube delete networkpolicy drainbow-agent drainbow-app-ports --ignore-not-found
  if kubectl api-resources --api-group monitoring.coreos.com -o name | grep -q '^podmonitors[.]'
  then
    kube delete podmonitor drainbow-agent --ignore-not-found
  fi
}

remove_all() {
  kube delete deployment -l "app=$APP"
  kube delete service "$APP" --ignore-not-found
  if role_is_needed; then
    echo "the agent's Role, RoleBinding, NetworkPolicies and PodMonitor stay:" \
         "other pods of namespace $NAMESPACE run the agent"
  else
    remove_shared
  fi
}

if [ -n "${COLOR:-}" ]; then remove_color; else remove_all; fi
echo "pods end when their connections have ended, or after 330 s:" \
     "kubectl -n $NAMESPACE get pods -l app=$APP --watch"
