#include "http/server.h"

namespace drainbow::http {

Result<Endpoint> parse_listen_address(std::string_view text) {
  const bool port_alone = text.starts_with(':');
  const Result<Endpoint> endpoint = Endpoint::parse((port_alone ? "[::]" : "") + std::string(text));
  if (endpoint) return endpoint;
  return Error{"is not an address and port such as [::]:9911, 127.0.0.1:9911 or :9911"};
}

}  // namespace drainbow::http
