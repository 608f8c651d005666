// SocketSampler over a /proc of the test's making: kernels that this machine does not have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sockets/sampler.h"
#include "tests/sockets/fake_proc.h"
#include "tests/sockets/recording.h"

namespace drainbow {
namespace {

using ::testing::HasSubstr;

const TimePoint kNow{std::chrono::hours(1)};

constexpr char kHeader[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

std::string snmp(int established) {
  return "Tcp: ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab\nTcp: 1 1 0 0 " +
         std::to_string(established) + "\n";
}

std::string row(int number, const std::string& state) {
  return "   " + std::to_string(number) + ": 0100007F:1F90 0200007F:9C4" + std::to_string(number) +
         " " + state +
         " 00000000:00000000 00:00000000 00000000     0        0 48 1 0000000000000000\n";
}

class ProcSampler : public ::testing::Test {
 protected:
  void SetUp() override {
    proc_.write("net/snmp", snmp(2));
    proc_.write("net/tcp", kHeader + row(1, "01") + row(2, "08") + row(3, "06") + row(4, "04"));
    proc_.write("net/tcp6", kHeader);
  }

  Result<SocketSampler::Taken> sample(bool accept_proc = false) {
    SocketSampler sampler(
        {.accept_proc = accept_proc, .proc_root = proc_.root(), .use_netlink = false});
    return sampler.sample(kNow, false);
  }

  testing::FakeProc proc_;
};

TEST_F(ProcSampler, ConfirmsWhatTheCountersConfirm) {
  const auto taken = sample();
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(taken->sample.confirmed);
  EXPECT_EQ(taken->sample.sockets.size(), 3U) << "all but TIME_WAIT";
  proc_.write("net/snmp", snmp(3));
  const auto one_is_missing = sample();
  ASSERT_TRUE(one_is_missing);
  EXPECT_FALSE(one_is_missing->sample.confirmed);
}

TEST_F(ProcSampler, AcceptProcConfirmsAnyway) {
  proc_.write("net/snmp", snmp(3));
  const auto taken = sample(true);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->sample.confirmed);
}

// These tables know nothing of the connection that the self-test makes: as on gVisor.
TEST_F(ProcSampler, TablesThatHideAreNotTrustworthyUnlessAccepted) {
  SocketSampler strict({.proc_root = proc_.root(), .use_netlink = false});
  ASSERT_TRUE(strict.sample(kNow, false));
  EXPECT_FALSE(strict.trustworthy());
  SocketSampler accepting({.accept_proc = true, .proc_root = proc_.root(), .use_netlink = false});
  ASSERT_TRUE(accepting.sample(kNow, false));
  EXPECT_TRUE(accepting.trustworthy());
}

TEST_F(ProcSampler, WithoutIpv6InTheKernelTheIpv4TableIsAll) {
  proc_.remove("net/tcp6");
  EXPECT_TRUE(sample());
}

TEST_F(ProcSampler, WithoutTheIpv4TableNothingIsKnown) {
  proc_.remove("net/tcp");
  EXPECT_FALSE(sample());
}

TEST_F(ProcSampler, AMalformedTableIsAnErrorEvenIfAccepted) {
  proc_.write("net/tcp6", std::string(kHeader) + "what?\n");
  const auto taken = sample(true);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("net/tcp6"));
  EXPECT_THAT(taken.error().message, HasSubstr("'what?'"));
}

TEST_F(ProcSampler, MalformedCountersAreAnError) {
  proc_.write("net/snmp", "Tcp: CurrEstab\n");
  EXPECT_FALSE(sample(true));
  proc_.write("net/snmp", std::string(20'000, 'x'));
  EXPECT_FALSE(sample(true));
  proc_.remove("net/snmp");
  EXPECT_FALSE(sample(true));
}

TEST_F(ProcSampler, HealsWhenTheTableIsBack) {
  SocketSampler sampler({.proc_root = proc_.root(), .use_netlink = false});
  proc_.write("net/tcp", "");
  EXPECT_FALSE(sampler.sample(kNow, false));
  proc_.write("net/tcp", kHeader);
  proc_.write("net/snmp", snmp(0));
  EXPECT_TRUE(sampler.sample(kNow, false));
}

}  // namespace
}  // namespace drainbow
