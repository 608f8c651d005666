#include "agent/json_text.h"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <string_view>

#include "program/utf8.h"

namespace drainbow {
namespace {

namespace json = boost::json;

void append(std::string& out, const json::value& value);

void append_decimal(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 400> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                 std::chars_format::fixed, 3);
  std::string_view text(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
  while (text.ends_with('0')) text.remove_suffix(1);
  if (text.ends_with('.')) text.remove_suffix(1);
  out += text;
}

void append_string(std::string& out, json::string_view text) {
  const std::string valid = program::valid_utf8(std::string_view(text.data(), text.size()));
  out += json::serialize(json::string_view(valid));
}

void append_object(std::string& out, const json::object& object) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!first) out += ',';
    first = false;
    append_string(out, member.key());
    out += ':';
    append(out, member.value());
  }
  out += '}';
}

void append_array(std::string& out, const json::array& array) {
  out += '[';
  bool first = true;
  for (const json::value& item : array) {
    if (!first) out += ',';
    first = false;
    append(out, item);
  }
  out += ']';
}

void append(std::string& out, const json::value& value) {
  if (value.is_object()) {
    append_object(out, value.get_object());
  } else if (value.is_array()) {
    append_array(out, value.get_array());
  } else if (value.is_string()) {
    append_string(out, value.get_string());
  } else if (value.is_double()) {
    append_decimal(out, value.get_double());
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string json_text(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace drainbow
