#include "kube/api_server.h"

#include <charconv>
#include <string_view>

namespace drainbow::kube {
namespace {

constexpr char kHost[] = "KUBERNETES_SERVICE_HOST";
constexpr char kPort[] = "KUBERNETES_SERVICE_PORT";

}  // namespace

Result<ApiServer> api_server_from_environment(
    const std::function<const char*(const std::string&)>& get) {
  const char* const host = get(kHost);
  if (host == nullptr || *host == '\0') {
    return Error{std::string(kHost) + " is not set, as it is in every pod"};
  }
  const char* const port_text = get(kPort);
  const std::string_view port = port_text == nullptr ? "" : port_text;
  ApiServer server{.host = host};
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), server.port);
  if (failure != std::errc() || end != port.data() + port.size() || server.port == 0) {
    return Error{std::string(kPort) + ": '" + std::string(port) +
                 "' is not a port from 1 to 65535"};
  }
  return server;
}

}  // namespace drainbow::kube
