// Reads the TCP counters of the network namespace: /proc/net/snmp, kept open.
#pragma once

#include <string>

#include "drain/result.h"
#include "drain/socket.h"
#include "sockets/unique_fd.h"

namespace drainbow {

class TcpCountersFile {
 public:
  explicit TcpCountersFile(const std::string& proc_root) : path_(proc_root + "/net/snmp") {}

  // About 5 microseconds. The open file belongs to the network namespace of whoever opened it.
  Result<TcpCounters> read();

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace drainbow
