#include "agent/labels_file.h"

#include "agent/files.h"

namespace drainbow {
namespace {

// All labels of an object together are bounded by etcd's request size (1.5 MiB); real ones are far
// below this.
constexpr std::size_t kMostBytes = 256 * 1024;

// A label's value is 63 characters of [A-Za-z0-9._-] (kubernetes.io/docs, "Labels and Selectors"),
// so quoting never needs an escape; one that is there says that this is no labels file.
Result<std::string> unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  const std::string_view inside = quoted ? text.substr(1, text.size() - 2) : text;
  if (!quoted || inside.find_first_of("\"\\") != std::string_view::npos) {
    return Error{"a label's value is not in plain double quotes"};
  }
  return std::string(inside);
}

}  // namespace

Result<Labels> decode_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      return Error{"a line is not of the form key=\"value\""};
    }
    Result<std::string> value = unquote(line.substr(equals + 1));
    if (!value) return value.error();
    labels[std::string(line.substr(0, equals))] = std::move(*value);
  }
  return labels;
}

Result<Labels> read_labels(const std::string& path) {
  const Result<std::string> content = read_file(path, kMostBytes);
  if (!content) return content.error();
  Result<Labels> labels = decode_labels(*content);
  if (!labels) return labels.error().wrap(path);
  return labels;
}

}  // namespace drainbow
