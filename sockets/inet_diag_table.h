// The socket tables through inet_diag, in one pass over both address families or in one for each.
#pragma once

#include "sockets/inet_diag_client.h"
#include "sockets/socket_table.h"

namespace drainbow {

class InetDiagTable : public SocketTable {
 public:
  enum class Passes : std::uint8_t { kOne, kTwo };
  explicit InetDiagTable(Passes passes) : passes_(passes) {}

  // Asks for the listeners. One pass must also show one of each family, made for the purpose:
  // nothing promises that the older request covers both. Two passes name the family that they want.
  Result<void> trial() override;
  Result<TcpTable> tcp(bool with_info) override;
  Result<std::vector<Listener>> listeners() override;
  Result<std::vector<UdpSocket>> udp() override;

 private:
  Result<std::vector<TcpSocket>> tcp_rows(inet_diag::StateMask states, bool with_info);

  Passes passes_;
  InetDiagClient client_;
};

}  // namespace drainbow
