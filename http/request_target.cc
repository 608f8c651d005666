#include "http/request_target.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace drainbow::http {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Undoes percent-encoding (RFC 3986, 2.1). Nothing for what is not printable ASCII, for a fragment,
// which is never sent, and for a percent sign without its two digits. `plus` is what "+" means.
std::optional<std::string> decoded(std::string_view text, char plus) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= ' ' || c > '~' || c == '#') return std::nullopt;
    if (c != '%') {
      result += c == '+' ? plus : c;
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    std::uint8_t byte = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, failure] = std::from_chars(digits.data(), last, byte, 16);
    if (failure != std::errc() || end != last || digits.size() != 2) return std::nullopt;
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

// Nothing also for an encoded slash, which would make one path of two, and for control bytes.
std::optional<std::string> decoded_path(std::string_view text) {
  std::optional<std::string> path = decoded(text, '+');
  if (!path || !path->starts_with('/') || std::ranges::any_of(*path, is_control)) return {};
  if (std::ranges::count(*path, '/') != std::ranges::count(text, '/')) return {};
  return path;
}

// "a=1&b=2" into the map. "+" is a space (URL Standard, application/x-www-form-urlencoded).
bool decode_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const std::string_view parameter = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), parameter.size() + 1));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto name = decoded(parameter.substr(0, equals), ' ');
    const auto value = decoded(parameter.substr(std::min(equals + 1, parameter.size())), ' ');
    if (!name || !value) return false;
    query[*name] = *value;
  }
  return true;
}

// Path and query of a target in absolute form, "http://host/path?query", which is what a proxy is
// asked for and a server must take too (RFC 9112, 3.2.2). Other targets as they are.
std::string without_host(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return std::string(target);
  const std::size_t host_end = std::min(target.find_first_of("/?", kScheme.size()), target.size());
  if (host_end == kScheme.size()) return "";  // no host
  const std::string rest(target.substr(host_end));
  return rest.starts_with('/') ? rest : '/' + rest;
}

}  // namespace

Result<RequestTarget> parse_target(std::string_view target) {
  const std::string text = without_host(target);
  const std::size_t question = std::min(text.find('?'), text.size());
  const std::string query = text.substr(std::min(question + 1, text.size()));
  const std::optional<std::string> path = decoded_path(text.substr(0, question));
  RequestTarget parsed;
  if (!path || !decode_query(query, parsed.query)) {
    return Error{"the request target is not of the form /path?name=value"};
  }
  parsed.path = *path;
  return parsed;
}

}  // namespace drainbow::http
