#include "drain/socket.h"

#include <gtest/gtest.h>

namespace drainbow {
namespace {

TEST(TcpStateText, IsTheKernelsName) {
  EXPECT_EQ(to_string(TcpState::kEstablished), "ESTABLISHED");
  EXPECT_EQ(to_string(TcpState::kSynSent), "SYN_SENT");
  EXPECT_EQ(to_string(TcpState::kSynRecv), "SYN_RECV");
  EXPECT_EQ(to_string(TcpState::kNewSynRecv), "SYN_RECV");
  EXPECT_EQ(to_string(TcpState::kFinWait1), "FIN_WAIT1");
  EXPECT_EQ(to_string(TcpState::kFinWait2), "FIN_WAIT2");
  EXPECT_EQ(to_string(TcpState::kTimeWait), "TIME_WAIT");
  EXPECT_EQ(to_string(TcpState::kClose), "CLOSE");
  EXPECT_EQ(to_string(TcpState::kCloseWait), "CLOSE_WAIT");
  EXPECT_EQ(to_string(TcpState::kLastAck), "LAST_ACK");
  EXPECT_EQ(to_string(TcpState::kListen), "LISTEN");
  EXPECT_EQ(to_string(TcpState::kClosing), "CLOSING");
  EXPECT_EQ(to_string(static_cast<TcpState>(99)), "UNKNOWN");
}

TEST(SampleMethodText, IsAMetricLabel) {
  EXPECT_EQ(to_string(SampleMethod::kUnchanged), "unchanged");
  EXPECT_EQ(to_string(SampleMethod::kDump), "dump");
  EXPECT_EQ(to_string(SampleMethod::kDumpTwoPass), "dump-two-pass");
  EXPECT_EQ(to_string(SampleMethod::kProc), "proc");
  EXPECT_EQ(to_string(static_cast<SampleMethod>(99)), "unknown");
}

}  // namespace
}  // namespace drainbow
