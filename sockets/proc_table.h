// The socket tables as text: /proc/net/tcp{,6} and udp{,6}, for kernels without inet_diag. The
// dearest way, without tcp_info, and with cookies that are only made from addresses and ports.
#pragma once

#include <string>

#include "sockets/socket_table.h"

namespace drainbow {

class ProcTable : public SocketTable {
 public:
  explicit ProcTable(const std::string& proc_root) : net_(proc_root + "/net/") {}

  Result<void> trial() override;
  Result<TcpTable> tcp(bool with_info) override;
  Result<std::vector<Listener>> listeners() override;
  Result<std::vector<UdpSocket>> udp() override;

  // Whether the table shows a connection that nobody accepted yet, and what waits in its queue.
  // gVisor's does not show the queues. Needs loopback; an Error when that could not be set up.
  Result<bool> shows_unaccepted();

 private:
  // The IPv4 table `name` and the IPv6 table `name`6.
  Result<std::vector<TcpSocket>> read_both(const std::string& name);

  std::string net_;
};

}  // namespace drainbow
