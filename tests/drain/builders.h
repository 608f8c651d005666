// Values for tests, so that these read like sentences:
//   established(1).on(8080).from("10.1.0.7")
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "drain/address.h"
#include "drain/count.h"
#include "drain/prestop_hook.h"
#include "drain/socket.h"
#include "drain/time.h"
#include "drain/verdict.h"

namespace drainbow {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr Millis kOneMs{1};

// How GoogleTest prints them.
inline void PrintTo(Verdict verdict, std::ostream* out) { *out << to_string(verdict); }
inline void PrintTo(SelectionState state, std::ostream* out) { *out << to_string(state); }
inline void PrintTo(TcpState state, std::ostream* out) { *out << to_string(state); }
inline void PrintTo(ConnectionClass value, std::ostream* out) { *out << to_string(value); }
inline void PrintTo(PrestopOutcome outcome, std::ostream* out) { *out << to_string(outcome); }
inline void PrintTo(const Reason& reason, std::ostream* out) {
  *out << reason.code << " (" << reason.message << ")";
}

inline IpAddress ip(std::string_view text) {
  const Result<IpAddress> address = IpAddress::parse(text);
  if (!address) ADD_FAILURE() << address.error().message;
  return address ? *address : IpAddress();
}

inline Cidr cidr(std::string_view text) {
  const Result<Cidr> network = Cidr::parse(text);
  if (!network) ADD_FAILURE() << network.error().message;
  return network ? *network : Cidr();
}

inline constexpr std::uint16_t kHttp = 8080;
inline constexpr std::uint16_t kGrpc = 50051;  // inside ip_local_port_range
inline constexpr std::string_view kClient = "10.1.0.7";
inline constexpr std::string_view kNode = "192.168.0.1";
inline constexpr std::string_view kPod = "10.1.0.2";

struct Socket : TcpSocket {
  Socket on(std::uint16_t port) && { return local_port = port, std::move(*this); }
  Socket from(std::string_view address) && { return peer = ip(address), std::move(*this); }
  Socket in(TcpState now_in) && { return state = now_in, std::move(*this); }
  Socket sending(std::uint32_t bytes) && { return send_queue = bytes, std::move(*this); }
  Socket idle_for(Millis silent) && { return idle = silent, std::move(*this); }
};

// A client's connection to the app.
inline Socket established(std::uint64_t cookie) {
  Socket socket;
  socket.cookie = cookie;
  socket.local = ip(kPod);
  socket.local_port = kHttp;
  socket.peer = ip(kClient);
  socket.peer_port = 40000;
  socket.state = TcpState::kEstablished;
  return socket;
}

inline Socket from_node(std::uint64_t cookie) { return established(cookie).from(kNode); }

inline Socket half_open(std::uint64_t cookie) {
  return established(cookie).in(TcpState::kNewSynRecv);
}

inline Listener listener(std::uint16_t port,
                         std::string_view address = "::", std::uint64_t cookie = 1'000'000) {
  return {.cookie = cookie + port, .address = ip(address), .port = port};
}

inline UdpSocket udp(std::uint16_t port, std::string_view address = "0.0.0.0",
                     std::uint16_t peer_port = 0) {
  return {.local = ip(address), .local_port = port, .peer_port = peer_port};
}

inline NetworkIdentity pod_network() {
  return {.own_addresses = {ip("127.0.0.1"), ip("::1"), ip(kPod)}, .default_gateways = {ip(kNode)}};
}

inline std::vector<std::string> codes(const std::vector<Reason>& reasons) {
  std::vector<std::string> all;
  for (const Reason& reason : reasons) all.push_back(reason.code);
  return all;
}

}  // namespace drainbow
