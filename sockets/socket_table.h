// One way to read the kernel's socket tables. Each way is a small unit of its own; SocketSampler
// chooses among them.
#pragma once

#include <vector>

#include "drain/result.h"
#include "drain/socket.h"

namespace drainbow {

// The TCP sockets of one read, each cookie once.
struct TcpTable {
  std::vector<TcpSocket> sockets;  // as Sample::sockets
  std::vector<Listener> listeners;
};

class SocketTable {
 public:
  virtual ~SocketTable() = default;

  // Whether this way works here at all, found out by trying it. Cheap.
  virtual Result<void> trial() = 0;
  // All sockets that a Sample holds.
  virtual Result<TcpTable> tcp(bool with_info) = 0;
  virtual Result<std::vector<Listener>> listeners() = 0;
  virtual Result<std::vector<UdpSocket>> udp() = 0;
};

// Puts listeners and sockets apart. Of a cookie that is there twice, because the socket moved while
// the table was walked, the later row is kept.
TcpTable make_tcp_table(std::vector<TcpSocket> rows);

}  // namespace drainbow
