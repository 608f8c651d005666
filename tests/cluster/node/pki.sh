#!/bin/bash
# A certificate authority for one cluster, a certificate per component and a kubeconfig per client
# of the API server.
. "$(dirname "$0")/env.sh"
mkdir -p "$CLUSTER_STATE"/{pki,kubeconfig}
cd "$CLUSTER_STATE/pki"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

certificate() {  # name, subject, alternative names
  key "$1"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out "$1.crt" \
      2> openssl.log -extfile <(
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=clientAuth,serverAuth"
        echo "${3:+subjectAltName=$3}"
      )
}

key ca
openssl req -x509 -new -key ca.key -subj /CN=drainbow-cluster -days 365 -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE \
  -addext keyUsage=critical,keyCertSign,digitalSignature,cRLSign

dns=DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost
certificate apiserver /CN=kube-apiserver "$dns,IP:127.0.0.1,IP:$API_SERVICE_IP,IP:$NODE_IP"
certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver
certificate admin /O=system:masters/CN=admin
certificate kube-controller-manager /CN=system:kube-controller-manager
certificate kube-scheduler /CN=system:kube-scheduler
certificate kube-proxy /CN=system:kube-proxy
certificate kubelet "/O=system:nodes/CN=system:node:$NODE" "DNS:$NODE,IP:$NODE_IP"
key service-account

server="{server: \"https://$NODE_IP:6443\", certificate-authority: $PWD/ca.crt}"
for client in admin kube-controller-manager kube-scheduler kube-proxy kubelet; do
  cat > "../kubeconfig/$client" << YAML
apiVersion: v1
kind: Config
clusters: [{name: drainbow, cluster: $server}]
users: [{name: $client, user: {client-certificate: $PWD/$client.crt, client-key: $PWD/$client.key}}]
contexts: [{name: drainbow, context: {cluster: drainbow, user: $client}}]
current-context: drainbow
YAML
done
touch complete
