// A release's color: the first six hex digits of its git SHA, read as sRGB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow::demo {

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;

  // Exactly six hex digits of either case, without '#'.
  static Result<Color> parse(std::string_view text);

  std::string hex() const;  // "a1b2c3"

  bool operator==(const Color&) const = default;
};

inline constexpr Color kBlack{0, 0, 0};
inline constexpr Color kWhite{255, 255, 255};

// Between 0 (black) and 1 (white), and between 1 (equal) and 21 (black on white). Both as in WCAG
// 2.1, "relative luminance" and "contrast ratio".
double relative_luminance(Color color);
double contrast_ratio(Color one, Color other);

// Black or white, whichever is easier to read on the color: their contrast to it is always at least
// 4.58, above the 4.5 that WCAG asks for (success criterion 1.4.3).
Color text_color_on(Color background);

}  // namespace drainbow::demo
