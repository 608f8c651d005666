#include "sockets/inet_diag_table.h"

#include <algorithm>

#include "sockets/loopback.h"

namespace drainbow {
namespace {

using inet_diag::Family;

// The rows of both families, each dumped by itself.
Result<std::vector<TcpSocket>> dump_families(InetDiagClient& client,
                                             inet_diag::DumpRequest request) {
  request.family = Family::kV4;
  Result<std::vector<TcpSocket>> rows = client.dump(request);
  if (!rows) return rows.error().wrap("IPv4");
  request.family = Family::kV6;
  const Result<std::vector<TcpSocket>> v6 = client.dump(request);
  if (!v6) return v6.error().wrap("IPv6");
  rows->insert(rows->end(), v6->begin(), v6->end());
  return rows;
}

}  // namespace

Result<void> InetDiagTable::trial() {
  std::vector<LoopbackListener> expected;
  if (passes_ == Passes::kOne) {
    Result<std::vector<LoopbackListener>> made = listen_on_loopback();
    if (!made) return made.error();
    expected = std::move(*made);
  }
  const Result<std::vector<Listener>> seen = listeners();
  if (!seen) return seen.error();
  for (const LoopbackListener& listener : expected) {
    if (std::ranges::count(*seen, listener.cookie, &Listener::cookie) == 0) {
      return Error{"a listener on loopback is not shown"};
    }
  }
  return {};
}

Result<TcpTable> InetDiagTable::tcp(bool with_info) {
  Result<std::vector<TcpSocket>> rows = tcp_rows(inet_diag::kSampleStates, with_info);
  if (!rows) return rows.error();
  return make_tcp_table(std::move(*rows));
}

Result<std::vector<Listener>> InetDiagTable::listeners() {
  Result<std::vector<TcpSocket>> rows = tcp_rows(inet_diag::kListenOnly, false);
  if (!rows) return rows.error();
  return make_tcp_table(std::move(*rows)).listeners;
}

Result<std::vector<UdpSocket>> InetDiagTable::udp() {
  const Result<std::vector<TcpSocket>> rows = dump_families(
      client_, {.protocol = inet_diag::Protocol::kUdp, .states = inet_diag::kUdpStates});
  if (!rows) return rows.error().wrap("UDP");
  std::vector<UdpSocket> sockets;
  for (const TcpSocket& row : *rows) {
    sockets.push_back({row.local, row.local_port, row.peer_port});
  }
  return sockets;
}

Result<std::vector<TcpSocket>> InetDiagTable::tcp_rows(inet_diag::StateMask states,
                                                       bool with_info) {
  const inet_diag::DumpRequest request{.states = states, .with_info = with_info};
  if (passes_ == Passes::kOne) return client_.dump(request);
  return dump_families(client_, request);
}

}  // namespace drainbow
