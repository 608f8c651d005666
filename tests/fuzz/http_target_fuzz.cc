// Request targets and listen addresses of any text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/request_target.h"
#include "http/server.h"

using namespace drainbow;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto target = http::parse_target(text)) {
    if (!target->path.starts_with('/')) std::abort();
    if (target->path.find('\0') != std::string::npos) std::abort();
  }
  if (const auto address = http::parse_listen_address(text)) {
    const auto again = http::parse_listen_address(address->to_string());
    if (!again || again->address != address->address || again->port != address->port) std::abort();
  }
  return 0;
}
