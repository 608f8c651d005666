#include "tests/sockets/scene.h"

#include <cstdio>
#include <cstdlib>

#include "tests/sockets/own_network.h"
#include "tests/sockets/tcp.h"

namespace drainbow::testing {
namespace {

TcpSocket as_seen(const Endpoint& local, const Endpoint& peer, TcpState state) {
  TcpSocket socket;
  socket.local = local.address;
  socket.local_port = local.port;
  socket.peer = peer.address;
  socket.peer_port = peer.port;
  socket.state = state;
  return socket;
}

// A connection whose client has an address of its own, so that its packets can be lost.
struct Pair {
  UniqueFd client;
  UniqueFd server;

  Pair(const UniqueFd& listener, const IpAddress& client_address)
      : client(connect_to(local_end(listener), client_address)), server(accept_on(listener)) {}
};

void must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::abort();
}

void lose_packets_to(const IpAddress& address) { must(blackhole(address)); }

}  // namespace

Scene::Scene() {
  open_.reserve(256);  // keep() hands out references
  established();
  unaccepted();
  half_open();
  half_closed();
  closing();
  udp();
}

const UniqueFd& Scene::keep(UniqueFd fd) {
  open_.push_back(std::move(fd));
  return open_.back();
}

void Scene::expect(std::string description, const UniqueFd& server, TcpState state,
                   std::uint32_t receive_queue) {
  TcpSocket socket = as_seen(local_end(server), peer_end(server), state);
  socket.receive_queue = receive_queue;
  expected_.push_back({std::move(description), socket});
}

std::vector<std::uint16_t> Scene::listening_ports() const { return ports_; }

void Scene::established() {
  const UniqueFd& v4 = keep(listen_on(ip("127.0.0.1")));
  ports_.push_back(local_end(v4).port);
  for (const std::string client : {"127.0.0.1", "127.0.0.2", "127.0.0.3"}) {
    Pair pair(v4, ip(client));
    expect("IPv4", pair.server, TcpState::kEstablished);
    keep(std::move(pair.client));
    keep(std::move(pair.server));
  }
  Pair unread(v4, ip("127.0.0.4"));
  send_bytes(unread.client, "hello");
  expect("with 5 bytes that the app did not read", unread.server, TcpState::kEstablished, 5);
  keep(std::move(unread.client));
  keep(std::move(unread.server));

  const UniqueFd& v6 = keep(listen_on(ip("::1"), {.stack = Stack::kV6}));
  ports_.push_back(local_end(v6).port);
  Pair six(v6, ip("::1"));
  expect("IPv6", six.server, TcpState::kEstablished);
  keep(std::move(six.client));
  keep(std::move(six.server));

  const UniqueFd& dual = keep(listen_on(IpAddress(), {.stack = Stack::kDual}));
  const std::uint16_t port = local_end(dual).port;
  ports_.push_back(port);
  keep(connect_to({ip("127.0.0.1"), port}, ip("127.0.0.5")));
  expect("IPv4 through a dual-stack listener", keep(accept_on(dual)), TcpState::kEstablished);
  keep(connect_to({ip("::1"), port}));
  expect("IPv6 through a dual-stack listener", keep(accept_on(dual)), TcpState::kEstablished);
}

void Scene::unaccepted() {
  const UniqueFd& listener = keep(listen_on(ip("127.0.0.1")));
  ports_.push_back(local_end(listener).port);
  const UniqueFd& client = keep(connect_to(local_end(listener)));
  send_bytes(client, "abc");
  TcpSocket waiting = as_seen(peer_end(client), local_end(client), TcpState::kEstablished);
  waiting.receive_queue = 3;
  expected_.push_back({"in the accept queue", waiting});
}

void Scene::half_open() {
  const UniqueFd& listener = keep(listen_on(ip("127.0.0.1"), {.defer_accept = true}));
  ports_.push_back(local_end(listener).port);
  const UniqueFd& client = keep(connect_to(local_end(listener)));
  expected_.push_back(
      {"half-open", as_seen(peer_end(client), local_end(client), TcpState::kSynRecv)});
}

void Scene::half_closed() {
  const UniqueFd& listener = keep(listen_on(ip("127.0.0.1")));
  ports_.push_back(local_end(listener).port);

  Pair by_client(listener, ip("127.0.0.6"));
  shut_down_sending(by_client.client);
  // A FIN counts as one byte that waits to be read.
  expect("half-closed by the client", by_client.server, TcpState::kCloseWait, 1);
  keep(std::move(by_client.client));
  keep(std::move(by_client.server));

  Pair by_server(listener, ip("127.0.0.7"));
  shut_down_sending(by_server.server);
  // The server's end is in FIN_WAIT2, which is not asked for; the client's end tells.
  expect("half-closed by the server", by_server.client, TcpState::kCloseWait, 1);
  keep(std::move(by_server.client));
  keep(std::move(by_server.server));
}

void Scene::closing() {
  const UniqueFd& listener = keep(listen_on(ip("127.0.0.1")));
  ports_.push_back(local_end(listener).port);

  Pair unsent(listener, ip("127.0.0.8"));
  fill(unsent.server);
  expect("closed with unsent data", unsent.server, TcpState::kFinWait1);
  expected_.back().send_queue_is_large = true;
  unsent.server.reset();
  keep(std::move(unsent.client));

  for (const std::string client : {"127.0.0.21/32", "127.0.0.22/32", "127.0.0.23/32"}) {
    must(add_address("lo", client));
  }
  Pair dead_peer(listener, ip("127.0.0.21"));
  lose_packets_to(ip("127.0.0.21"));
  expect("closed, the peer is dead: only the FIN is unacknowledged", dead_peer.server,
         TcpState::kFinWait1);
  expected_.back().socket.send_queue = 1;
  dead_peer.server.reset();
  keep(std::move(dead_peer.client));

  Pair last_ack(listener, ip("127.0.0.22"));
  expect("closed by both, the last acknowledgement is missing", last_ack.server,
         TcpState::kLastAck);
  expected_.back().socket.send_queue = 1;
  shut_down_sending(last_ack.client);
  eventually([&] {
    char byte = 0;
    return ::read(last_ack.server.get(), &byte, 1) == 0;
  });
  lose_packets_to(ip("127.0.0.22"));
  last_ack.server.reset();
  keep(std::move(last_ack.client));

  Pair crossed(listener, ip("127.0.0.23"));
  expect("closed by both at once", crossed.server, TcpState::kClosing, 1);
  expected_.back().socket.send_queue = 1;
  lose_packets_to(ip("127.0.0.23"));
  crossed.server.reset();
  shut_down_sending(crossed.client);
  keep(std::move(crossed.client));
}

void Scene::udp() {
  for (const std::string text : {"127.0.0.1", "0.0.0.0", "::1", "::"}) {
    const UniqueFd& socket = keep(udp_bound_to(ip(text)));
    udp_.push_back({local_end(socket).address, local_end(socket).port, 0});
  }
  const UniqueFd& connected = keep(udp_bound_to(ip("127.0.0.1")));
  connect_udp(connected, {ip("127.0.0.1"), 53});
  udp_.push_back({ip("127.0.0.1"), local_end(connected).port, 53});
}

}  // namespace drainbow::testing
