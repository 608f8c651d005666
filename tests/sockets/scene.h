// One of each kind of socket that an agent may meet, side by side in this network namespace.
#pragma once

#include <string>
#include <vector>

#include "drain/socket.h"
#include "sockets/unique_fd.h"

namespace drainbow::testing {

class Scene {
 public:
  // Makes all sockets. Needs a network namespace of its own, with the right to change routes.
  Scene();

  // A server's socket as it must be seen. Clients' ends are in the namespace too, but not in here.
  struct Expected {
    std::string description;
    TcpSocket socket;                  // addresses, ports, state and queues; the rest is not set
    bool send_queue_is_large = false;  // more than 1, and how much is the kernel's affair
  };
  const std::vector<Expected>& expected() const { return expected_; }
  std::vector<std::uint16_t> listening_ports() const;
  const std::vector<UdpSocket>& expected_udp() const { return udp_; }

 private:
  void established();
  void unaccepted();
  void half_open();
  void half_closed();
  void closing();
  void udp();

  void expect(std::string description, const UniqueFd& server, TcpState state,
              std::uint32_t receive_queue = 0);
  const UniqueFd& keep(UniqueFd fd);

  std::vector<UniqueFd> open_;
  std::vector<std::uint16_t> ports_;
  std::vector<Expected> expected_;
  std::vector<UdpSocket> udp_;
};

}  // namespace drainbow::testing
