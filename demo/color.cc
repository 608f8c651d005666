#include "demo/color.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace drainbow::demo {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::optional<unsigned> hex_digit(char c) {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const std::size_t value = kHexDigits.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

// An sRGB channel as light.
double linear(std::uint8_t channel) {
  const double value = channel / 255.0;
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

}  // namespace

Result<Color> Color::parse(std::string_view text) {
  const Error not_a_color{"is not exactly six hex digits such as a1b2c3"};
  if (text.size() != 6) return not_a_color;
  std::array<std::uint8_t, 3> channels{};
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return not_a_color;
    channels[i] = static_cast<std::uint8_t>(*high * 16 + *low);
  }
  return Color{channels[0], channels[1], channels[2]};
}

std::string Color::hex() const {
  std::string digits;
  for (const unsigned channel : {red, green, blue}) {
    digits += kHexDigits[channel / 16];
    digits += kHexDigits[channel % 16];
  }
  return digits;
}

double relative_luminance(Color color) {
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

double contrast_ratio(Color one, Color other) {
  const auto [darker, lighter] = std::minmax({relative_luminance(one), relative_luminance(other)});
  return (lighter + 0.05) / (darker + 0.05);
}

Color text_color_on(Color background) {
  return contrast_ratio(background, kBlack) >= contrast_ratio(background, kWhite) ? kBlack : kWhite;
}

}  // namespace drainbow::demo
