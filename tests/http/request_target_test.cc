#include "http/request_target.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace drainbow::http {
namespace {

using Query = std::map<std::string, std::string>;

// Every byte but letters and digits percent-encoded.
std::string encoded(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += c;
    } else {
      std::array<char, 4> hex{};
      std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(c) & 0xff);
      result += hex.data();
    }
  }
  return result;
}

TEST(ParseTarget, SplitsPathAndQuery) {
  const auto target = parse_target("/wait?for=drained&timeout=30s");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/wait");
  EXPECT_EQ(target->query, (Query{{"for", "drained"}, {"timeout", "30s"}}));
}

TEST(ParseTarget, DecodesPercentAndPlus) {
  const auto target = parse_target("/a%62c%20d+e?k%65y=v+%2B%26%00%ff");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/abc d+e");
  EXPECT_EQ(target->query, (Query{{"key", std::string("v +&\0\xff", 6)}}));
}

TEST(ParseTarget, OfARepeatedKeyTheLastCounts) {
  EXPECT_EQ(parse_target("/?a=1&b&a=2&=3")->query, (Query{{"", "3"}, {"a", "2"}, {"b", ""}}));
}

TEST(ParseTarget, AcceptsAbsoluteForm) {
  EXPECT_EQ(parse_target("http://10.0.0.1:9911/drained?a=b")->path, "/drained");
  EXPECT_EQ(parse_target("http://10.0.0.1:9911/drained?a=b")->query, (Query{{"a", "b"}}));
  EXPECT_EQ(parse_target("http://[fd00::1]")->path, "/");
  EXPECT_EQ(parse_target("http://host?a=b")->path, "/");
}

class RefusedTarget : public testing::TestWithParam<const char*> {};
TEST_P(RefusedTarget, IsAnError) { EXPECT_FALSE(parse_target(GetParam()).ok()) << GetParam(); }
INSTANTIATE_TEST_SUITE_P(All, RefusedTarget,
                         testing::Values("", "drained", "*", "host:80", "?a=b", "/a b", "/a%2fb",
                                         "/a%2Fb", "/%00", "/a%0ab", "/%7f", "/%", "/%g0", "/%f",
                                         "/#fragment", "/\x80", "/\n", "http:/drained",
                                         "http:drained", "https://host/x", "ftp://host/x",
                                         "http://host/%2f", "http://", "http:///x", "http://?a=b",
                                         "/?a=%", "/?a=%1", "/?%zz=1", "/?a=\x80", "/?a b", "/?a#b",
                                         "/%+1", "/%-1", "/% 1", "/%0x1"));

TEST(ParseTarget, RefusesAnEmbeddedNul) {
  EXPECT_FALSE(parse_target(std::string_view("/a\0b", 4)).ok());
}

RC_GTEST_PROP(ParseTargetProperty, ReadsWhatWasEncoded,
              (const std::vector<std::vector<char>>& segments, const Query& query)) {
  std::string path;
  std::string target;
  bool harmless = true;
  for (const std::vector<char>& bytes : segments) {
    const std::string segment(bytes.begin(), bytes.end());
    path += "/" + segment;
    target += "/" + encoded(segment);
    for (const char c : segment) {
      harmless = harmless && c != '/' && c != 0x7f && static_cast<unsigned char>(c) >= 0x20;
    }
  }
  if (segments.empty()) path = target = "/";
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += separator + encoded(name) + "=" + encoded(value);
    separator = '&';
  }
  const auto parsed = parse_target(target);
  RC_ASSERT(parsed.ok() == harmless);
  if (!harmless) return;
  RC_ASSERT(parsed->path == path);
  RC_ASSERT(parsed->query == query);
}

RC_GTEST_PROP(ParseTargetProperty, NeverFailsOtherThanByAnError, (const std::string& text)) {
  const auto parsed = parse_target("/" + text);
  if (parsed.ok()) RC_ASSERT(parsed->path.starts_with('/'));
}

}  // namespace
}  // namespace drainbow::http
