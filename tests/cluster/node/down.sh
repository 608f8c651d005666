#!/bin/bash
# Stops what up.sh started, pods included, also when it stopped half-way, and leaves nothing of it
# but the programs in the cache.
. "$(dirname "$0")/env.sh"
[ -d "$CLUSTER_STATE" ] || exit 0
"$HERE/prune-images.sh"

# The state is thrown away, so nothing is given time to put it in order. The kubelet is first, or it
# starts the pods again.
for name in kubelet $(ls "$CLUSTER_STATE/pid" 2> /dev/null); do
  while running "$name"; do
    kill -KILL "$(cat "$CLUSTER_STATE/pid/$name")"
    sleep .1
  done
done

pod_cgroups() {
  for root in $(cgroup_roots); do find "$root/$CGROUP" "$@" 2> /dev/null || true; done
}
pod_processes() {
  pod_cgroups -name cgroup.procs -exec cat {} + | sort -u
  pgrep -f -- "containerd-shim.* -address $CLUSTER_STATE/containerd.sock" || true
}
while pids=$(pod_processes); [ -n "$pids" ]; do
  # shellcheck disable=SC2086 # a list of numbers
  kill -KILL $pids 2> /dev/null || true
  sleep .1
done
pod_cgroups -depth -type d -exec rmdir {} +

for mount in $(awk -v state="$CLUSTER_STATE/" 'index($5, state) == 1 {print $5}' \
  /proc/self/mountinfo | sort -r); do
  umount -l "$mount"
done
# The link of another state directory is another cluster's.
if [ "$(cat "/sys/class/net/$LINK/ifalias" 2> /dev/null)" = "$CLUSTER_STATE" ]; then
  ip link del $LINK
fi
if [ -e "$CLUSTER_STATE/sysctl" ]; then sysctl -q -p "$CLUSTER_STATE/sysctl"; fi
if [ -e "$CLUSTER_STATE/made" ]; then xargs -r rm -rf < "$CLUSTER_STATE/made"; fi
rm -rf "$CLUSTER_STATE"
