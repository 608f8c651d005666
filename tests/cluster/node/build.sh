#!/bin/bash
# Builds the programs of kube-$KUBE/go.mod into the cache, and the image of the process that holds
# a pod's namespaces. When all of that is there, for these versions, it does nothing.
. "$(dirname "$0")/env.sh"
cd "$HERE/kube-$KUBE"
inputs() {
  uname -m
  find . -name 'go.*' -exec sha256sum {} + | sort
  cat "$HERE/build.sh"
}
stamp=$(inputs | sha256sum)
built() { [ "$(cat "$BIN/stamp" 2> /dev/null)" = "$stamp" ]; }
if built; then exit 0; fi

needed=$(awk '$1 == "go" {print $2}' go.mod)
needs="needs Go $needed or newer (go.dev/dl) to build Kubernetes $KUBE"
command -v go > /dev/null || die "$needs; found none"
found=$(go list -m 2>&1) || die "$needs: $found"
# The build holds a program a core in memory; two builds at a time would need twice that.
mkdir -p "$CLUSTER_CACHE"
exec 9> "$CLUSTER_CACHE/lock"
flock 9
if built; then exit 0; fi
echo "building Kubernetes $KUBE into $BIN; the first time this takes some minutes"
mkdir -p "$BIN"
rm -f "$BIN/stamp"

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)  # v1.N.P
IFS=. read -r major minor _ <<< "${version#v}"
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major"
  flags+=" -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done
export CGO_ENABLED=0
go build -trimpath -ldflags "$flags" -o "$BIN/" tool
ln -sf server "$BIN/etcd"  # go.etcd.io/etcd/server/v3 builds as "server"
if [ -d containerd ]; then go -C containerd build -trimpath -ldflags "-s -w" -o "$BIN/" tool; fi

kubernetes=$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)
gcc -O2 -static -s -o "$BIN/pause" "$kubernetes/build/pause/linux/pause.c"
printf 'FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n' |
  buildah bud --quiet --tag drainbow.test/pause:1 --file - "$BIN"
buildah push --quiet drainbow.test/pause:1 \
  docker-archive:/dev/stdout:drainbow.test/pause:1 > "$BIN/pause.tar"
buildah rmi drainbow.test/pause:1 > /dev/null
echo "$stamp" > "$BIN/stamp"
