// TCP and UDP sockets for tests, on loopback. Whatever fails aborts the test program: these are the
// circumstances of a test, not its subject.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "drain/address.h"
#include "sockets/unique_fd.h"

namespace drainbow::testing {

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

enum class Stack : std::uint8_t { kV4, kV6, kDual };

struct ListenOptions {
  Stack stack = Stack::kV4;
  std::uint16_t port = 0;  // 0: the kernel chooses
  int backlog = 4096;
  bool defer_accept = false;  // the handshake waits for the client's first byte
};

UniqueFd listen_on(const IpAddress& address, ListenOptions options = {});
// `from` may be ::, and is used as the source address otherwise. Done when the client's side is.
UniqueFd connect_to(const Endpoint& server, const IpAddress& from = {});
UniqueFd accept_on(const UniqueFd& listener);

Endpoint local_end(const UniqueFd& socket);
Endpoint peer_end(const UniqueFd& socket);
std::uint64_t cookie_of(const UniqueFd& socket);

void send_bytes(const UniqueFd& socket, const std::string& bytes);
// Writes until no more is taken, so that bytes stay unsent when nobody reads.
void fill(const UniqueFd& socket);
void shut_down_sending(const UniqueFd& socket);
// close() will send a reset instead of a FIN.
void reset_on_close(const UniqueFd& socket);

UniqueFd udp_bound_to(const IpAddress& address);
void connect_udp(const UniqueFd& socket, const Endpoint& peer);

// Tries again until the condition holds; false after 10 s. Only for what the kernel does by itself
// after a call has returned.
bool eventually(const std::function<bool()>& condition);

}  // namespace drainbow::testing
