#include "drain/socket.h"

namespace drainbow {

std::string_view to_string(TcpState state) {
  switch (state) {
    case TcpState::kEstablished:
      return "ESTABLISHED";
    case TcpState::kSynSent:
      return "SYN_SENT";
    case TcpState::kSynRecv:
    case TcpState::kNewSynRecv:
      return "SYN_RECV";
    case TcpState::kFinWait1:
      return "FIN_WAIT1";
    case TcpState::kFinWait2:
      return "FIN_WAIT2";
    case TcpState::kTimeWait:
      return "TIME_WAIT";
    case TcpState::kClose:
      return "CLOSE";
    case TcpState::kCloseWait:
      return "CLOSE_WAIT";
    case TcpState::kLastAck:
      return "LAST_ACK";
    case TcpState::kListen:
      return "LISTEN";
    case TcpState::kClosing:
      return "CLOSING";
  }
  return "UNKNOWN";
}

std::string_view to_string(SampleMethod method) {
  switch (method) {
    case SampleMethod::kUnchanged:
      return "unchanged";
    case SampleMethod::kDump:
      return "dump";
    case SampleMethod::kDumpTwoPass:
      return "dump-two-pass";
    case SampleMethod::kProc:
      return "proc";
  }
  return "unknown";
}

}  // namespace drainbow
