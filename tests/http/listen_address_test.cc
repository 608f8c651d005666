#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>

#include "http/server.h"

namespace drainbow::http {
namespace {

TEST(ListenAddress, ReadsEveryForm) {
  EXPECT_EQ(ListenAddress::parse("[::]:9911")->to_string(), "[::]:9911");
  EXPECT_EQ(ListenAddress::parse(":9911")->to_string(), "[::]:9911");
  EXPECT_EQ(ListenAddress::parse("0.0.0.0:80")->to_string(), "0.0.0.0:80");
  EXPECT_EQ(ListenAddress::parse("127.0.0.1:0")->to_string(), "127.0.0.1:0");
  EXPECT_EQ(ListenAddress::parse("[fd00::1]:65535")->to_string(), "[fd00::1]:65535");
}

class RefusedListenAddress : public testing::TestWithParam<const char*> {};
TEST_P(RefusedListenAddress, IsAnError) {
  const auto parsed = ListenAddress::parse(GetParam());
  ASSERT_FALSE(parsed.ok()) << GetParam();
  EXPECT_NE(parsed.error().message.find("[::]:9911"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(All, RefusedListenAddress,
                         testing::Values("", ":", "9911", "127.0.0.1", "127.0.0.1:", "[::]",
                                         "[::]:65536", "[::]:-1", "[::]:+1", "[::]: 1", "[::]:1 ",
                                         "[::]:0x10", "::1:9911", ":::9911", "[127.0.0.1]:80",
                                         "[]:80", "[:80", "]:80", "localhost:80", "1.2.3:80",
                                         "*:80", "[fe80::1%lo]:80", "http://[::]:80", "[::]:80/"));

RC_GTEST_PROP(ListenAddressProperty, ReadsWhatItPrints,
              (const std::array<std::uint8_t, 16>& bytes, bool v4, std::uint16_t port)) {
  const std::span<const std::uint8_t, 16> all(bytes);
  const ListenAddress address{.address = v4 ? IpAddress::v4(all.first<4>()) : IpAddress::v6(all),
                              .port = port};
  const auto parsed = ListenAddress::parse(address.to_string());
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->address == address.address);
  RC_ASSERT(parsed->port == port);
}

RC_GTEST_PROP(ListenAddressProperty, NeverFailsOtherThanByAnError, (const std::string& any)) {
  const auto alphabet = rc::gen::elementOf(std::string("[]:.0129af%"));
  for (const std::string& text : {any, *rc::gen::container<std::string>(alphabet)}) {
    const auto parsed = ListenAddress::parse(text);
    if (parsed.ok()) RC_ASSERT(ListenAddress::parse(parsed->to_string()).ok());
  }
}

}  // namespace
}  // namespace drainbow::http
