// Records what the kernel answers to each kind of request, for the decoder's tests: see
// recorded/README.md. Usage: record_dump DIRECTORY
#include <sys/utsname.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "sockets/destroy_events.h"
#include "sockets/inet_diag.h"
#include "sockets/netlink_socket.h"
#include "tests/sockets/own_network.h"
#include "tests/sockets/recording.h"
#include "tests/sockets/scene.h"
#include "tests/sockets/ss_output.h"
#include "tests/sockets/tcp.h"

namespace drainbow::testing {
namespace {

template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().message << "\n";
  std::exit(1);
}

void must(const Result<void>& result) {
  if (result) return;
  std::cerr << result.error().message << "\n";
  std::exit(1);
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void record(const std::string& path, const inet_diag::DumpRequest& request) {
  NetlinkSocket socket = must(NetlinkSocket::open());
  must(socket.send(inet_diag::encode(request)));
  Recording recording;
  std::vector<std::byte> buffer(32 * 1024);
  inet_diag::DumpDecoder decoder(request);
  std::vector<TcpSocket> rows;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (bool complete = false; !complete;) {
    const auto datagram = must(socket.receive(buffer, deadline));
    recording.emplace_back(datagram.begin(), datagram.end());
    complete = must(decoder.decode(datagram, rows));
  }
  write_recording(path, recording);
}

std::string ss(const std::string& arguments) {
  const auto output = run_ss(arguments);
  if (output) return *output;
  std::cerr << "ss is not installed\n";
  std::exit(1);
}

// Raw, so that the events are there as bytes.
void record_destroyed(const std::string& directory) {
  const DestroyEvents events = must(DestroyEvents::subscribe());
  {
    const UniqueFd dual = listen_on(IpAddress(), {.stack = Stack::kDual});
    const std::uint16_t port = local_end(dual).port;
    std::vector<UniqueFd> open;
    for (const std::string address : {"127.0.0.1", "::1"}) {
      open.push_back(connect_to({ip(address), port}));
      send_bytes(open.back(), "GET / HTTP/1.1\r\n\r\n");
      open.push_back(accept_on(dual));
    }
    const UniqueFd v4 = listen_on(ip("127.0.0.1"));
    UniqueFd client = connect_to(local_end(v4), ip("127.0.0.9"));
    open.push_back(accept_on(v4));  // the server aborts this one, the clients the others
    open.push_back(std::move(client));
    write_text(directory + "/destroyed.ss.txt", ss("-O -H -tanie"));
    for (const UniqueFd& fd : open) reset_on_close(fd);
  }
  Recording recording;
  std::vector<std::byte> buffer(8192);
  eventually([&] {
    while (true) {
      const ssize_t length = receive_from_kernel(events.fd(), buffer);
      if (length < 0) break;
      recording.emplace_back(buffer.begin(), buffer.begin() + length);
    }
    return recording.size() >= 8;  // three connections with two ends each, two listeners
  });
  write_recording(directory + "/destroyed.bin", recording);
}

// Once the kernel has delivered all that it can, ss says the same twice.
bool record_scene(const std::string& directory) {
  using inet_diag::Family;
  using inet_diag::Protocol;
  const Scene scene;
  const auto before = parse_ss(ss("-O -H -tan"));
  record(directory + "/one_pass.bin", {.with_info = true, .sequence = 1});
  record(directory + "/v4.bin", {.family = Family::kV4, .with_info = true, .sequence = 2});
  record(directory + "/v6.bin", {.family = Family::kV6, .with_info = true, .sequence = 3});
  record(directory + "/listen.bin", {.states = inet_diag::kListenOnly, .sequence = 4});
  write_text(directory + "/tcp.ss.txt", ss("-O -H -tanie"));
  record(directory + "/udp_v4.bin", {.protocol = Protocol::kUdp,
                                     .family = Family::kV4,
                                     .states = inet_diag::kUdpStates,
                                     .sequence = 5});
  record(directory + "/udp_v6.bin", {.protocol = Protocol::kUdp,
                                     .family = Family::kV6,
                                     .states = inet_diag::kUdpStates,
                                     .sequence = 6});
  write_text(directory + "/udp.ss.txt", ss("-O -H -uanie"));
  for (const std::string table : {"tcp", "tcp6", "udp", "udp6", "snmp"}) {
    std::ifstream from("/proc/net/" + table, std::ios::binary);
    std::ofstream(directory + "/proc_" + table + ".txt", std::ios::binary) << from.rdbuf();
  }
  return parse_ss(ss("-O -H -tan")) == before;
}

int record_all(const std::string& directory) {
  bool settled = false;
  while (!settled) {
    must(enter_own_network());
    settled = record_scene(directory);
  }
  must(enter_own_network());
  record_destroyed(directory);
  utsname kernel{};
  ::uname(&kernel);
  std::cout << "recorded on Linux " << kernel.release << " " << kernel.machine << "\n";
  return 0;
}

}  // namespace
}  // namespace drainbow::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: record_dump DIRECTORY\n";
    return 2;
  }
  return drainbow::testing::record_all(argv[1]);
}
