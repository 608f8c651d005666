#include "probes/http_response.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>

namespace drainbow {
namespace {

const Error kNotHttp{"the answer is not HTTP"};

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number);
  if (failure != std::errc() || end != last) return std::nullopt;
  return number;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

// Cuts off and returns the first line, which must be there.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

// "HTTP/1.1 200 OK" (RFC 9112, 4); nothing for anything else.
std::optional<int> parse_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.0 ") && !line.starts_with("HTTP/1.1 ")) return std::nullopt;
  line.remove_prefix(9);
  if (line.size() > 3 && line[3] != ' ') return std::nullopt;
  const auto status = parse_number<int>(line.substr(0, 3));
  if (!status || *status < 100 || *status > 599) return std::nullopt;
  return status;
}

// One header line: all that matters here is where the body ends.
Result<void> check_header(std::string_view line, std::size_t body_size) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return kNotHttp;
  const std::string name = lower(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  // Not allowed in an answer to HTTP/1.0 (RFC 9112, 6.1).
  if (name == "transfer-encoding") return Error{"the answer is chunked, which was not asked for"};
  if (name != "content-length") return {};
  const auto length = parse_number<std::size_t>(value);
  if (!length) return kNotHttp;
  if (*length == body_size) return {};
  return Error{"the answer has " + std::to_string(body_size) + " bytes and not the announced " +
               std::to_string(*length)};
}

}  // namespace

Result<HttpResponse> parse_response(std::string_view bytes) {
  if (bytes.empty()) return Error{"the connection was closed without an answer"};
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return kNotHttp;
  const std::string_view body = bytes.substr(head_end + 4);
  std::string_view rest = bytes.substr(0, head_end + 2);  // each line with its CRLF
  const std::optional<int> status = parse_status_line(next_line(rest));
  if (!status) return kNotHttp;
  while (!rest.empty()) {
    const Result<void> header = check_header(next_line(rest), body.size());
    if (!header) return header.error();
  }
  return HttpResponse{*status, body};
}

}  // namespace drainbow
