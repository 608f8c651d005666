#include <charconv>

#include "http/server.h"

namespace drainbow::http {

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const Error malformed{"is not an address and port such as [::]:9911, 127.0.0.1:9911 or :9911"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  const std::string_view digits = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  ListenAddress parsed;
  const char* const last = digits.data() + digits.size();
  const auto [end, failure] = std::from_chars(digits.data(), last, parsed.port);
  if (failure != std::errc() || end != last) return malformed;
  if (host.empty()) return parsed;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool v6 = host.find(':') != std::string_view::npos;
  if (bracketed != v6) return malformed;
  const Result<IpAddress> address = IpAddress::parse(host);
  if (!address) return malformed;
  parsed.address = *address;
  return parsed;
}

std::string ListenAddress::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace drainbow::http
