#include "agent/json_text.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <boost/json/parse.hpp>
#include <limits>

#include "program/utf8.h"

namespace drainbow {
namespace {

namespace json = boost::json;

TEST(JsonText, WritesDecimalsAsPeopleDo) {
  EXPECT_EQ(json_text(json::value(12.5)), "12.5");
  EXPECT_EQ(json_text(json::value(30.0)), "30");
  EXPECT_EQ(json_text(json::value(0.0)), "0");
  EXPECT_EQ(json_text(json::value(0.001)), "0.001");
  EXPECT_EQ(json_text(json::value(172800.25)), "172800.25");
  EXPECT_EQ(json_text(json::value(-1.5)), "-1.5");
}

TEST(JsonText, WritesNullForWhatJsonCannotSay) {
  EXPECT_EQ(json_text(json::value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(json_text(json::value(std::numeric_limits<double>::quiet_NaN())), "null");
}

TEST(JsonText, NestsObjectsAndArrays) {
  const json::value value = {{"a", {1, 2.5, nullptr}}, {"b", {{"c", "x\"y\n"}}}, {"d", true}};
  EXPECT_EQ(json_text(value), R"({"a":[1,2.5,null],"b":{"c":"x\"y\n"},"d":true})");
  EXPECT_EQ(json_text(json::array()), "[]");
  EXPECT_EQ(json_text(json::object()), "{}");
}

TEST(JsonText, IsAlwaysUtf8) {
  EXPECT_EQ(json_text(json::value("a\xff\xfe\xc3(\xe2\x82")),
            "\"a\uFFFD\uFFFD\uFFFD(\uFFFD\uFFFD\"");
  EXPECT_EQ(json_text(json::value("\u00fc\u20ac")), "\"\u00fc\u20ac\"");
}

TEST(JsonText, IsReadBackAsWhatItWas) {
  const bool holds = rc::check([](const std::string& text, std::int64_t number) {
    const json::value value = {{"text", program::valid_utf8(text)}, {"number", number}};
    RC_ASSERT(json::parse(json_text(value)) == value);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace drainbow
