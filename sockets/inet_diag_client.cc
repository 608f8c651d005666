#include "sockets/inet_diag_client.h"

namespace drainbow {
namespace {

// The kernel fills dump datagrams up to the reader's buffer, but never beyond 32 KiB
// (netlink_dump in net/netlink/af_netlink.c).
constexpr std::size_t kBufferSize = 32 * 1024;

}  // namespace

Result<std::vector<TcpSocket>> InetDiagClient::dump(inet_diag::DumpRequest request) {
  if (!socket_) {
    Result<NetlinkSocket> opened = NetlinkSocket::open();
    if (!opened) return opened.error();
    socket_ = std::move(*opened);
    buffer_.resize(kBufferSize);
  }
  request.sequence = ++sequence_;
  Result<std::vector<TcpSocket>> rows = dump_on(*socket_, request);
  // The rest of a failed dump still waits in this socket: the next one gets a new socket.
  if (!rows) socket_.reset();
  return rows;
}

Result<std::vector<TcpSocket>> InetDiagClient::dump_on(NetlinkSocket& socket,
                                                       const inet_diag::DumpRequest& request) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  const Result<void> sent = socket.send(inet_diag::encode(request));
  if (!sent) return sent.error();

  inet_diag::DumpDecoder decoder(request);
  std::vector<TcpSocket> rows;
  rows.reserve(last_rows_ + last_rows_ / 8);
  while (true) {
    const auto datagram = socket.receive(buffer_, deadline);
    if (!datagram) return datagram.error();
    const Result<bool> complete = decoder.decode(*datagram, rows);
    if (!complete) return complete.error();
    if (rows.size() > kMaxRows) return Error{"more than " + std::to_string(kMaxRows) + " sockets"};
    if (*complete) break;
  }
  last_rows_ = rows.size();
  return rows;
}

}  // namespace drainbow
