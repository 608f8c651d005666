#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "http/server.h"

namespace drainbow::http {
namespace {

TEST(ListenAddress, ReadsEveryForm) {
  EXPECT_EQ(parse_listen_address("[::]:9911")->to_string(), "[::]:9911");
  EXPECT_EQ(parse_listen_address(":9911")->to_string(), "[::]:9911");
  EXPECT_EQ(parse_listen_address("0.0.0.0:80")->to_string(), "0.0.0.0:80");
  EXPECT_EQ(parse_listen_address("127.0.0.1:0")->to_string(), "127.0.0.1:0");
  EXPECT_EQ(parse_listen_address("[fd00::1]:65535")->to_string(), "[fd00::1]:65535");
}

class RefusedListenAddress : public testing::TestWithParam<const char*> {};
TEST_P(RefusedListenAddress, IsAnError) {
  const auto parsed = parse_listen_address(GetParam());
  ASSERT_FALSE(parsed.ok()) << GetParam();
  EXPECT_NE(parsed.error().message.find("[::]:9911"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(All, RefusedListenAddress,
                         testing::Values("", ":", "9911", "127.0.0.1", "127.0.0.1:", "[::]",
                                         "[::]:65536", "[::]:-1", "[::]:+1", "[::]: 1", "[::]:1 ",
                                         "[::]:0x10", "::1:9911", ":::9911", "[127.0.0.1]:80",
                                         "[]:80", "[:80", "]:80", "localhost:80", "1.2.3:80",
                                         "*:80", "[fe80::1%lo]:80", "http://[::]:80", "[::]:80/"));

RC_GTEST_PROP(ListenAddressProperty, NeverFailsOtherThanByAnError, (const std::string& any)) {
  const auto alphabet = rc::gen::elementOf(std::string("[]:.0129af%"));
  for (const std::string& text : {any, *rc::gen::container<std::string>(alphabet)}) {
    const auto parsed = parse_listen_address(text);
    if (parsed.ok()) RC_ASSERT(parse_listen_address(parsed->to_string()).ok());
  }
}

}  // namespace
}  // namespace drainbow::http
