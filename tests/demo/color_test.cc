#include "demo/color.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace drainbow::demo {
namespace {

TEST(Color, ReadsSixHexDigitsOfEitherCase) {
  const auto color = Color::parse("A1b2C3");
  ASSERT_TRUE(color);
  EXPECT_EQ(*color, (Color{0xa1, 0xb2, 0xc3}));
  EXPECT_EQ(color->hex(), "a1b2c3");
}

TEST(Color, RefusesAllElse) {
  for (const char* text : {"", "a1b2c", "a1b2c34", "#a1b2c3", "a1b2cg", "a1b2c ", " a1b2c",
                           "+1-2+3", "0x1234", "\xc3\xa9\xc3\xa9\xc3\xa9", "red"}) {
    const auto color = Color::parse(text);
    ASSERT_FALSE(color) << text;
    EXPECT_EQ(color.error().message, "is not exactly six hex digits such as a1b2c3");
  }
}

// The values at https://www.w3.org/TR/WCAG21/#dfn-relative-luminance, worked out by hand.
TEST(Color, LuminanceAndContrastFollowWcag) {
  EXPECT_DOUBLE_EQ(relative_luminance(kBlack), 0);
  EXPECT_DOUBLE_EQ(relative_luminance(kWhite), 1);
  EXPECT_NEAR(relative_luminance({255, 0, 0}), 0.2126, 1e-9);
  EXPECT_NEAR(relative_luminance({0x77, 0x77, 0x77}), 0.1845, 1e-4);
  EXPECT_DOUBLE_EQ(contrast_ratio(kBlack, kWhite), 21);
  EXPECT_DOUBLE_EQ(contrast_ratio(kWhite, kBlack), 21);
  EXPECT_DOUBLE_EQ(contrast_ratio(kWhite, kWhite), 1);
  // The gray that is known as the lightest to pass 4.5:1 under white text.
  EXPECT_NEAR(contrast_ratio({0x76, 0x76, 0x76}, kWhite), 4.54, 0.005);
}

TEST(Color, TextIsBlackOnLightAndWhiteOnDark) {
  EXPECT_EQ(text_color_on(kWhite), kBlack);
  EXPECT_EQ(text_color_on(kBlack), kWhite);
  EXPECT_EQ(text_color_on({0xf3, 0xe9, 0xa1}), kBlack);
  EXPECT_EQ(text_color_on({0x1b, 0x2a, 0x49}), kWhite);
}

RC_GTEST_PROP(ColorProperty, TextIsReadableOnEveryColor,
              (std::uint8_t red, std::uint8_t green, std::uint8_t blue)) {
  const Color color{red, green, blue};
  RC_ASSERT(contrast_ratio(color, text_color_on(color)) >= 4.5);
}

TEST(Color, TextIsReadableOnEveryGray) {
  for (int level = 0; level < 256; ++level) {
    const auto channel = static_cast<std::uint8_t>(level);
    const Color gray{channel, channel, channel};
    EXPECT_GE(contrast_ratio(gray, text_color_on(gray)), 4.5) << gray.hex();
  }
}

RC_GTEST_PROP(ColorProperty, HexIsReadBack,
              (std::uint8_t red, std::uint8_t green, std::uint8_t blue)) {
  const Color color{red, green, blue};
  const auto parsed = Color::parse(color.hex());
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == color);
}

}  // namespace
}  // namespace drainbow::demo
