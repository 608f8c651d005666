#!/bin/bash
# Brings up the node and waits until it is Ready. Running it again starts what has stopped and
# changes nothing else.
. "$(dirname "$0")/env.sh"
mkdir -p "$CLUSTER_STATE"
[ -O "$CLUSTER_STATE" ] || die "$CLUSTER_STATE belongs to another user"
chmod 700 "$CLUSTER_STATE"
cd "$CLUSTER_STATE"
exec 9> lock
flock -n 9 || die "another up.sh is at work in $CLUSTER_STATE"

# Addresses and the link's name are the machine's, so there can be one cluster; and a running one
# is not changed into another.
mine="Kubernetes $KUBE, kube-proxy in $PROXY_MODE mode, of $HERE"
there=$(cat settings 2> /dev/null) || there=$mine
[ "$there" = "$mine" ] ||
  die "a cluster is up in $CLUSTER_STATE: $there. Take it down first: down.sh"
if [ -e "/sys/class/net/$LINK" ]; then
  owner=$(cat "/sys/class/net/$LINK/ifalias")
  [ "$owner" = "$CLUSTER_STATE" ] ||
    die "a cluster is up in '$owner': it has the link $LINK. Take it down first: down.sh"
fi
echo "$mine" > settings

[ -e "$BIN/stamp" ] || die "Kubernetes $KUBE is not built; run build.sh"
ln -sfn "$BIN" bin
mkdir -p pid log config/cni

shopt -s nullglob
for file in pid/*; do running "${file#pid/}" || rm "$file"; done

# start NAME PROGRAM ARGUMENTS...: in the node's network namespace, unless it runs
start() {
  local name=$1
  shift
  if running "$name"; then return; fi
  setsid nsenter --net="$NETNS" "$@" >> "log/$name" 2>&1 < /dev/null 9>&- &
  echo $! > "pid/$name"
}
wait_for() {  # seconds, command
  local deadline=$((SECONDS + $1)) file logs="the logs are in $CLUSTER_STATE/log"
  shift
  until "$@" > /dev/null 2>&1; do
    for file in pid/*; do
      running "${file#pid/}" || die "${file#pid/} has stopped; $logs"
    done
    ((SECONDS < deadline)) || die "no success in time: $*; $logs"
    sleep .1
  done
}
# render FILE [AS]: a configuration with its variables filled in. Once only: kube-proxy exits when
# its own is touched.
render() {
  local to=config/${2:-$1}
  [ -e "$to" ] || sed "s|@STATE@|$CLUSTER_STATE|; s|@CNI_BIN@|$CNI_BIN|; s|@POD_CIDR@|$POD_CIDR|
    s|@PROXY_MODE@|$PROXY_MODE|; s|@CGROUP@|$CGROUP|" "$HERE/config/$1" > "$to"
}

# What outlives the node unless down.sh takes it back: settings of the whole machine that the
# kubelet changes, and directories at fixed places.
fixed_places="/run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers"
[ -e made ] || for place in $fixed_places; do [ -e $place ] || echo $place; done > made
[ -e sysctl ] || sysctl vm.overcommit_memory kernel.panic kernel.panic_on_oops \
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes > sysctl
[ -e pki/complete ] || "$HERE/pki.sh"
render containerd.toml
render cni.conflist cni/pods.conflist
render kubelet.yaml
render kube-proxy.yaml

# A cgroup of its own keeps these pods apart from others, such as those of kind in Docker.
for root in $(cgroup_roots); do mkdir -p "$root/$CGROUP"; done

if ! in_node true 2> /dev/null; then
  touch "$NETNS"
  unshare --net="$NETNS" true
  in_node ip link set lo up
  in_node ip link add node0 type bridge
  in_node ip addr add $NODE_IP/24 dev node0
  in_node ip link set node0 up
  in_node ip link add host0 type veth peer name $LINK netns $$
  ip link set $LINK alias "$CLUSTER_STATE"
  in_node ip link set host0 up master node0
  ip addr add $HOST_IP/24 dev $LINK
  ip link set $LINK up
  ip route add $POD_CIDR via $NODE_IP
  ip route add $SERVICE_CIDR via $NODE_IP
  # No default route: nothing leaves. A ClusterIP needs some route, for it is looked up before the
  # address is rewritten.
  in_node ip route add $SERVICE_CIDR dev node0
  in_node sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
fi

etcd_client=http://127.0.0.1:2379 etcd_peer=http://127.0.0.1:2380
start etcd etcd --data-dir=etcd --unsafe-no-fsync \
  --listen-client-urls=$etcd_client --advertise-client-urls=$etcd_client \
  --listen-peer-urls=$etcd_peer --initial-advertise-peer-urls=$etcd_peer \
  --initial-cluster=default=$etcd_peer
start kube-apiserver kube-apiserver --etcd-servers=$etcd_client \
  --advertise-address=$NODE_IP --secure-port=6443 --client-ca-file=pki/ca.crt \
  --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
  --kubelet-certificate-authority=pki/ca.crt \
  --kubelet-client-certificate=pki/apiserver-kubelet.crt \
  --kubelet-client-key=pki/apiserver-kubelet.key \
  --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file=pki/service-account.key \
  --service-account-signing-key-file=pki/service-account.key \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --allow-privileged --service-cluster-ip-range=$SERVICE_CIDR
start containerd containerd --config config/containerd.toml
wait_for 60 kubectl get --raw /readyz
wait_for 10 ctr version
[ -n "$(ctr images list -q name==drainbow.test/pause:1)" ] ||
  ctr images import "$BIN/pause.tar" > log/pause-image

start kube-controller-manager kube-controller-manager \
  --kubeconfig=kubeconfig/kube-controller-manager --leader-elect=false \
  --use-service-account-credentials --root-ca-file=pki/ca.crt \
  --service-account-private-key-file=pki/service-account.key \
  --kube-api-qps=1000 --kube-api-burst=1000 \
  --flex-volume-plugin-dir="$CLUSTER_STATE/volume-plugins"
start kube-scheduler kube-scheduler --kubeconfig=kubeconfig/kube-scheduler --leader-elect=false
start kube-proxy kube-proxy --config=config/kube-proxy.yaml --hostname-override=$NODE
start kubelet kubelet --config=config/kubelet.yaml --kubeconfig=kubeconfig/kubelet \
  --hostname-override=$NODE --node-ip=$NODE_IP --root-dir="$CLUSTER_STATE/kubelet"
wait_for 60 kubectl get node $NODE
kubectl wait --for=condition=Ready "node/$NODE" --timeout=60s > log/ready
wait_for 30 kubectl get serviceaccount default
echo "export KUBECONFIG=$KUBECONFIG"
