#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sockets/network_monitor.h"
#include "tests/sockets/fake_proc.h"
#include "tests/sockets/own_network.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::ip;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class NetworkMonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<void> entered = testing::enter_own_network();
    if (!entered) DRAINBOW_SKIP("no network namespace: " + entered.error().message);
    const Result<void> added = testing::add_interface("eth0");
    if (!added) DRAINBOW_SKIP("no interface: " + added.error().message);
  }

  NetworkIdentity must_tell() {
    const Result<NetworkIdentity> identity = monitor_.current();
    EXPECT_TRUE(identity) << identity.error().message;
    return identity ? *identity : NetworkIdentity{};
  }

  NetworkMonitor monitor_;
};

TEST_F(NetworkMonitorTest, TellsAddressesOfAllInterfaces) {
  ASSERT_TRUE(testing::add_address("eth0", "10.1.2.3/24"));
  ASSERT_TRUE(testing::add_address("eth0", "fd00::3/64"));
  const std::vector<IpAddress> addresses = must_tell().own_addresses;
  for (const std::string address : {"127.0.0.1", "::1", "10.1.2.3", "fd00::3"}) {
    EXPECT_THAT(addresses, Contains(ip(address)));
  }
}

TEST_F(NetworkMonitorTest, NoticesEachChangeOfAddress) {
  EXPECT_THAT(must_tell().own_addresses, Not(Contains(ip("10.1.2.3"))));
  ASSERT_TRUE(testing::add_address("eth0", "10.1.2.3/24"));
  EXPECT_THAT(must_tell().own_addresses, Contains(ip("10.1.2.3")));
  ASSERT_TRUE(testing::add_address("eth0", "fd00::3/64"));
  EXPECT_THAT(must_tell().own_addresses, Contains(ip("fd00::3")));
  ASSERT_TRUE(testing::delete_address("eth0", "10.1.2.3/24"));
  EXPECT_THAT(must_tell().own_addresses, Not(Contains(ip("10.1.2.3"))));
  EXPECT_EQ(must_tell(), must_tell());
}

TEST_F(NetworkMonitorTest, TellsDefaultGatewaysAndNoOthers) {
  ASSERT_TRUE(testing::add_address("eth0", "10.1.2.3/24"));
  ASSERT_TRUE(testing::add_address("eth0", "fd00::3/64"));
  EXPECT_THAT(must_tell().default_gateways, IsEmpty());
  ASSERT_TRUE(testing::add_default_route(ip("10.1.2.1")));
  EXPECT_THAT(must_tell().default_gateways, ElementsAre(ip("10.1.2.1")));
  ASSERT_TRUE(testing::add_default_route(ip("fd00::1")));
  EXPECT_THAT(must_tell().default_gateways, UnorderedElementsAre(ip("10.1.2.1"), ip("fd00::1")));
  ASSERT_TRUE(testing::delete_default_route(ip("10.1.2.1")));
  EXPECT_THAT(must_tell().default_gateways, ElementsAre(ip("fd00::1")));
}

// The kernel tells of the address, not of the routes that go with it.
TEST_F(NetworkMonitorTest, NoticesAGatewayThatGoesWithItsAddress) {
  ASSERT_TRUE(testing::add_address("eth0", "10.1.2.3/24"));
  ASSERT_TRUE(testing::add_default_route(ip("10.1.2.1")));
  EXPECT_THAT(must_tell().default_gateways, ElementsAre(ip("10.1.2.1")));
  ASSERT_TRUE(testing::delete_address("eth0", "10.1.2.3/24"));
  EXPECT_THAT(must_tell().default_gateways, IsEmpty());
}

TEST_F(NetworkMonitorTest, NoticesMoreChangesThanItsBufferHolds) {
  must_tell();
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(testing::add_address("eth0", "10.1.2.3/24"));
    ASSERT_TRUE(testing::delete_address("eth0", "10.1.2.3/24"));
  }
  ASSERT_TRUE(testing::add_address("eth0", "10.9.9.9/24"));
  EXPECT_THAT(must_tell().own_addresses, Contains(ip("10.9.9.9")));
}

TEST_F(NetworkMonitorTest, TellsThePortRangeAndItsChange) {
  const NetworkIdentity before = must_tell();
  EXPECT_EQ(before.ephemeral_first, 32768);
  EXPECT_EQ(before.ephemeral_last, 60999);
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  if (!range) DRAINBOW_SKIP("/proc/sys is not writable");
  range << "20000 30000" << std::flush;
  if (!range) DRAINBOW_SKIP("/proc/sys is not writable");
  EXPECT_EQ(must_tell().ephemeral_first, 20000);
  EXPECT_EQ(must_tell().ephemeral_last, 30000);
}

TEST_F(NetworkMonitorTest, AnOddPortRangeIsAnError) {
  const testing::FakeProc proc;
  NetworkMonitor monitor(proc.root());
  EXPECT_FALSE(monitor.current()) << "no file";
  const std::string name = "sys/net/ipv4/ip_local_port_range";
  proc.write(name, "32768\t60999\n");
  EXPECT_TRUE(monitor.current());
  for (const std::string text : {"", "\n", "32768\n", "32768\t\n", "32768\t60999", "a\tb\n",
                                 "1\t65536\n", "60999\t32768\n", "-1\t5\n", "1\t2\t3\n"}) {
    proc.write(name, text);
    EXPECT_FALSE(monitor.current()) << "'" << text << "'";
  }
}

}  // namespace
}  // namespace drainbow
