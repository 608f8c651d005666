#include "drain/address.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/drain/builders.h"

namespace drainbow {
namespace {

using ::testing::HasSubstr;

TEST(IpAddress, MappedIpv4EqualsIpv4) {
  EXPECT_EQ(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
  EXPECT_NE(ip("::10.0.0.1"), ip("10.0.0.1"));
  EXPECT_TRUE(ip("::ffff:10.0.0.1").is_v4());
  EXPECT_FALSE(ip("::10.0.0.1").is_v4());
}

TEST(IpAddress, BytesComeInNetworkOrder) {
  const std::array<std::uint8_t, 4> four = {10, 0, 0, 1};
  EXPECT_EQ(IpAddress::v4(four).to_string(), "10.0.0.1");
  std::array<std::uint8_t, 16> sixteen{};
  sixteen[0] = 0xfd;
  sixteen[15] = 1;
  EXPECT_EQ(IpAddress::v6(sixteen).to_string(), "fd00::1");
}

TEST(IpAddress, PrintsTheUsualText) {
  EXPECT_EQ(ip("10.0.0.1").to_string(), "10.0.0.1");
  EXPECT_EQ(ip("::ffff:10.0.0.1").to_string(), "10.0.0.1");
  EXPECT_EQ(ip("FD00:0:0::0001").to_string(), "fd00::1");
  EXPECT_EQ(IpAddress().to_string(), "::");
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "10.0.0", "10.0.0.256", "10.0.0.1 ", "fe80::1%eth0", "[::1]",
                           "localhost", "10.0.0.1/8", ":::", "010.0.0.1x"}) {
    const Result<IpAddress> address = IpAddress::parse(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_THAT(address.error().message, HasSubstr(text));
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0x", 10)).ok());
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0x", 5)).ok());
}

TEST(IpAddress, KnowsLoopback) {
  for (const char* text : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(ip(text).is_loopback()) << text;
  }
  for (const char* text : {"126.255.255.255", "128.0.0.1", "::", "::2", "0.0.0.0", "1::1"}) {
    EXPECT_FALSE(ip(text).is_loopback()) << text;
  }
}

TEST(IpAddress, KnowsUnspecified) {
  EXPECT_TRUE(ip("::").is_unspecified());
  EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
  EXPECT_FALSE(ip("0.0.0.1").is_unspecified());
  EXPECT_FALSE(ip("1::").is_unspecified());
}

RC_GTEST_PROP(IpAddress, TextRoundTrips, ()) {
  const auto bytes =
      *rc::gen::container<std::array<std::uint8_t, 16>>(rc::gen::arbitrary<std::uint8_t>());
  const IpAddress address = IpAddress::v6(bytes);
  const Result<IpAddress> again = IpAddress::parse(address.to_string());
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == address);
}

TEST(Cidr, HoldsItsOwnAndNoOther) {
  EXPECT_TRUE(cidr("10.0.0.0/8").contains(ip("10.255.255.255")));
  EXPECT_FALSE(cidr("10.0.0.0/8").contains(ip("11.0.0.0")));
  EXPECT_FALSE(cidr("10.0.0.0/8").contains(ip("9.255.255.255")));
  EXPECT_TRUE(cidr("10.0.0.4/30").contains(ip("10.0.0.7")));
  EXPECT_FALSE(cidr("10.0.0.4/30").contains(ip("10.0.0.8")));
  EXPECT_TRUE(cidr("fd00::/9").contains(ip("fd7f::1")));
  EXPECT_FALSE(cidr("fd00::/9").contains(ip("fd80::1")));
}

TEST(Cidr, BareAddressIsANetworkOfOne) {
  EXPECT_TRUE(cidr("10.0.0.1").contains(ip("10.0.0.1")));
  EXPECT_FALSE(cidr("10.0.0.1").contains(ip("10.0.0.0")));
  EXPECT_EQ(cidr("10.0.0.1"), cidr("10.0.0.1/32"));
  EXPECT_EQ(cidr("fd00::1"), cidr("fd00::1/128"));
}

TEST(Cidr, AllOfIpv4AndAllOfIpv6AreApart) {
  EXPECT_TRUE(cidr("0.0.0.0/0").contains(ip("10.0.0.1")));
  EXPECT_FALSE(cidr("0.0.0.0/0").contains(ip("fd00::1")));
  EXPECT_TRUE(cidr("::/0").contains(ip("fd00::1")));
  EXPECT_FALSE(cidr("::/0").contains(ip("10.0.0.1")));
}

TEST(Cidr, MappedNotationCountsBitsFromTheIpv6Start) {
  EXPECT_EQ(cidr("::ffff:10.0.0.0/104"), cidr("10.0.0.0/8"));
}

TEST(Cidr, PrintsAsWritten) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "fd00::/8", "::/0"}) {
    EXPECT_EQ(cidr(text).to_string(), text);
  }
}

TEST(Endpoint, IsReadAndPrinted) {
  for (const char* text :
       {"127.0.0.1:9911", "[::1]:9911", "[fd00::1]:1", "10.0.0.1:65535", "[::]:0"}) {
    const Result<Endpoint> endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, AllElseIsRefused) {
  for (const char* text :
       {"", ":", ":9911", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:99x", "localhost:9911", "::1:9911", "[::1]",
        "[::1]9911", "[127.0.0.1]:9911", "[]:9911", "[::1:9911", "[fe80::1%lo]:80"}) {
    const Result<Endpoint> endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().message,
              "is not a numeric address and port such as 127.0.0.1:9911 or [::1]:9911");
  }
}

RC_GTEST_PROP(Endpoint, ReadsWhatItPrints,
              (const std::array<std::uint8_t, 16>& bytes, bool v4, std::uint16_t port)) {
  const std::span<const std::uint8_t, 16> all(bytes);
  const Endpoint endpoint{.address = v4 ? IpAddress::v4(all.first<4>()) : IpAddress::v6(all),
                          .port = port};
  const Result<Endpoint> read = Endpoint::parse(endpoint.to_string());
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == endpoint);
}

TEST(Cidr, RefusesWhatIsNone) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/8/8",
        "fd00::/129", "10.0.0/8", "10.0.0.0/ 8", "10.0.0.0/99999999999"}) {
    EXPECT_FALSE(Cidr::parse(text).ok()) << text;
  }
}

TEST(Cidr, RefusesHostBits) {
  for (const char* text : {"10.0.0.1/8", "10.0.0.1/31", "fd00::1/64", "0.0.0.1/0"}) {
    const Result<Cidr> network = Cidr::parse(text);
    ASSERT_FALSE(network.ok()) << text;
    EXPECT_THAT(network.error().message, HasSubstr("bits set after its prefix length"));
  }
}

RC_GTEST_PROP(Cidr, HoldsExactlyTheAddressesWithItsPrefix, ()) {
  const auto number = *rc::gen::arbitrary<std::uint32_t>();
  const auto other = *rc::gen::arbitrary<std::uint32_t>();
  const auto bits = *rc::gen::inRange(0, 33);
  const auto v4 = [](std::uint32_t n) {
    const std::array<std::uint8_t, 4> bytes = {
        static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
        static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
    return IpAddress::v4(bytes);
  };
  const std::uint32_t mask = bits == 0 ? 0 : 0xffffffffU << (32 - bits);
  const std::string text = v4(number & mask).to_string() + "/" + std::to_string(bits);
  // Mostly near the network, so that both answers occur.
  const std::uint32_t near = (number & mask) ^ (other >> *rc::gen::inRange(0, 32));
  RC_ASSERT(cidr(text).contains(v4(near)) == ((near & mask) == (number & mask)));
}

}  // namespace
}  // namespace drainbow
