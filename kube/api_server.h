// How to reach the Kubernetes API server, and as whom.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "drain/result.h"

namespace drainbow::kube {

struct ApiServer {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 443;

  // Read anew for each connection: the kubelet rotates a service account's token about once an hour
  // (kubernetes.io/docs, "Managing Service Accounts": bound tokens), and the CA now and then.
  std::function<Result<std::string>()> token;      // of one line
  std::function<Result<std::string>()> authority;  // certificates in PEM
};

// The API server as every container is told it: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT
// (kubernetes.io/docs, "Accessing the Kubernetes API from a Pod"). `get` gives a variable's value,
// or null.
Result<ApiServer> api_server_from_environment(
    const std::function<const char*(const std::string&)>& get);

}  // namespace drainbow::kube
