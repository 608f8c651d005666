#include "program/log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace drainbow::program {
namespace {

namespace json = boost::json;

// What is written to standard error by one line of the log.
std::string logged(LogFormat format, std::string_view message, const std::vector<LogField>& fields,
                   LogLevel level = LogLevel::kInfo) {
  testing::internal::CaptureStderr();
  Log log("a-program", LogLevel::kDebug, format);
  if (level == LogLevel::kDebug) log.debug(message, fields);
  if (level == LogLevel::kInfo) log.info(message, fields);
  if (level == LogLevel::kWarning) log.warning(message, fields);
  if (level == LogLevel::kError) log.error(message, fields);
  return testing::internal::GetCapturedStderr();
}

std::string text(std::string_view message, const std::vector<LogField>& fields = {}) {
  const std::string line = logged(LogFormat::kText, message, fields);
  return line.substr(std::min(line.size(), sizeof "2026-11-21T09:14:29.123Z"));
}

json::object parsed(std::string_view message, const std::vector<LogField>& fields = {}) {
  return json::parse(logged(LogFormat::kJson, message, fields)).as_object();
}

bool is_one_harmless_line(const std::string& line) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return line.ends_with('\n') && std::none_of(line.begin(), line.end() - 1, control);
}

TEST(Log, TextHasTimeLevelMessageAndFields) {
  const std::string line = logged(LogFormat::kText, "it drains", {{"open", "12"}});
  EXPECT_EQ(line.substr(4, 1), "-");
  EXPECT_EQ(line.substr(10, 1), "T");
  EXPECT_EQ(line.substr(23), "Z info it drains open=12\n");
}

TEST(Log, JsonHasTimeLevelProgramMessageAndFields) {
  json::object line = parsed("it drains", {{"open", "12"}});
  EXPECT_EQ(line["time"].as_string().size(), std::string("2026-11-21T09:14:29.123Z").size());
  line.erase("time");
  EXPECT_EQ(
      line,
      (json::object{
          {"level", "info"}, {"program", "a-program"}, {"message", "it drains"}, {"open", "12"}}));
}

TEST(Log, NamesTheLevels) {
  const auto level_of = [](LogLevel level) {
    return json::parse(logged(LogFormat::kJson, "x", {}, level)).at("level").as_string();
  };
  EXPECT_EQ(level_of(LogLevel::kDebug), "debug");
  EXPECT_EQ(level_of(LogLevel::kInfo), "info");
  EXPECT_EQ(level_of(LogLevel::kWarning), "warning");
  EXPECT_EQ(level_of(LogLevel::kError), "error");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  testing::internal::CaptureStderr();
  Log log("a-program", LogLevel::kWarning, LogFormat::kText);
  log.debug("one");
  log.info("two");
  log.warning("three");
  log.error("four");
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_NE(lines.find("warning three\n"), std::string::npos);
  EXPECT_NE(lines.find("error four\n"), std::string::npos);
}

TEST(Log, TextQuotesWhatCouldBeTakenForMore) {
  EXPECT_EQ(text("m", {{"k", "a b"}}), "info m k=\"a b\"\n");
  EXPECT_EQ(text("m", {{"k", "1 verdict=drained"}}), "info m k=\"1 verdict=drained\"\n");
  EXPECT_EQ(text("m", {{"k", "a=b"}}), "info m k=\"a=b\"\n");
  EXPECT_EQ(text("m", {{"k", ""}}), "info m k=\"\"\n");
  EXPECT_EQ(text("m", {{"k", "\""}}), "info m k=\"\\\"\"\n");
  EXPECT_EQ(text("m", {{"k", "[::]:9911"}}), "info m k=[::]:9911\n");
  EXPECT_EQ(text("m", {{"k", "größe"}}), "info m k=größe\n");
}

TEST(Log, NothingForgesALine) {
  EXPECT_EQ(text("a\nb", {{"k", "x\r\ny"}}), "info a\\u000ab k=\"x\\u000d\\u000ay\"\n");
  EXPECT_EQ(text("\x1b[31m", {{"k", "\x7f\xc2\x9b"}}), "info \\u001b[31m k=\"\\u007f\\u009b\"\n");
  EXPECT_EQ(text("{}%v%n"), "info {}%v%n\n");
}

TEST(Log, JsonKeepsEveryCharacter) {
  const std::string value = std::string(1, '\0') + "\"\\\b\n\x1f\x7f\xc2\x9b/é€𝄞";
  EXPECT_EQ(parsed(value).at("message").as_string(), value);
  EXPECT_EQ(parsed("m", {{value, "v"}}).at(value).as_string(), "v");
}

class InvalidUtf8 : public testing::TestWithParam<std::string> {};
TEST_P(InvalidUtf8, IsReplaced) {
  const std::string value = std::string("<") + GetParam() + ">";
  const std::string seen(parsed("m", {{"k", value}}).at("k").as_string());
  EXPECT_TRUE(seen.starts_with("<\xef\xbf\xbd")) << seen;
  EXPECT_TRUE(seen.ends_with(">")) << seen;
}
INSTANTIATE_TEST_SUITE_P(All, InvalidUtf8,
                         testing::Values("\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe2\x82",
                                         "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
                                         "\xf0\x9d\x84", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                         "\xff", "\xc3(", "\xe2(\xa1"));

using Bytes = std::vector<char>;

std::string as_string(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

RC_GTEST_PROP(LogProperty, AnyBytesGiveOneLineOfText,
              (const Bytes& message_bytes, const Bytes& key_bytes, const Bytes& value_bytes)) {
  const std::string message = as_string(message_bytes);
  const std::string key = as_string(key_bytes);
  const std::string value = as_string(value_bytes);
  RC_ASSERT(is_one_harmless_line(logged(LogFormat::kText, message, {{key, value}})));
}

RC_GTEST_PROP(LogProperty, AnyBytesGiveOneLineOfJson, (const Bytes& bytes)) {
  const std::string value = as_string(bytes);
  const std::string line = logged(LogFormat::kJson, value, {{"k", value}});
  RC_ASSERT(is_one_harmless_line(line));
  const json::value read = json::parse(line);
  RC_ASSERT(read.at("message") == read.at("k"));
  RC_ASSERT(read.as_object().size() == 5U);
  const bool ascii = std::ranges::all_of(value, [](char c) { return c >= 0; });
  if (ascii) RC_ASSERT(read.at("k").as_string() == value);
}

TEST(LogOptions, AreRead) {
  EXPECT_EQ(*parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(*parse_log_level("error"), LogLevel::kError);
  EXPECT_EQ(*parse_log_format("text"), LogFormat::kText);
  EXPECT_EQ(*parse_log_format("json"), LogFormat::kJson);
  EXPECT_EQ(parse_log_level("trace").error().message, "is not one of debug, info, warning, error");
  EXPECT_EQ(parse_log_format("").error().message, "is neither text nor json");
}

}  // namespace
}  // namespace drainbow::program
