# shellcheck shell=bash disable=SC2034
# Where things lie and what the node is called; every script here reads this first.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KUBE=${KUBE:-1.34}                             # Kubernetes: 1.34 or 1.36
PROXY_MODE=${PROXY_MODE:-iptables}             # of kube-proxy: iptables or nftables
CLUSTER_CACHE=${CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drainbow-cluster}  # programs; kept
CLUSTER_STATE=${CLUSTER_STATE:-/tmp/drainbow-cluster}  # one running cluster; down.sh deletes it
CNI_BIN=${CNI_BIN:-/usr/lib/cni}               # of containernetworking-plugins

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}
[[ $KUBE =~ ^1\.3[46]$ ]] || die "KUBE is '$KUBE'; it takes 1.34 or 1.36"
[[ $PROXY_MODE =~ ^(ip|nf)tables$ ]] ||
  die "PROXY_MODE is '$PROXY_MODE'; it takes iptables or nftables"
[ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces, mounts and cgroups"

BIN=$CLUSTER_CACHE/bin-$KUBE
NETNS=$CLUSTER_STATE/netns
LINK=drainbow0              # this end of the wire to the node
CGROUP=drainbow-cluster     # all pods are below it
NODE=node1
NODE_IP=10.240.0.1          # API server, NodePorts
HOST_IP=10.240.0.254        # the address of $LINK
POD_CIDR=10.244.0.0/24
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1    # the first of SERVICE_CIDR

export KUBECONFIG=$CLUSTER_STATE/kubeconfig/admin
export KUBECACHEDIR=$CLUSTER_STATE/kube-cache
PATH=$CLUSTER_STATE/bin:$PATH:/usr/sbin:/sbin  # bin is a link to the $BIN that the cluster runs

in_node() { nsenter --net="$NETNS" "$@"; }
ctr() { command ctr --address "$CLUSTER_STATE/containerd.sock" --namespace k8s.io "$@"; }
# Whether the component NAME runs that this state directory started.
running() {
  local pid
  pid=$(cat "$CLUSTER_STATE/pid/$1" 2> /dev/null) &&
    [[ " $(tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" = *" $1 "* ]]
}
# The directories of all cgroup hierarchies; with cgroup v2 it is one.
cgroup_roots() { awk '$(NF-2) ~ /^cgroup2?$/ {print $5}' /proc/self/mountinfo; }
