// Holds TCP connections open on loopback, both ends, for others to count.
//
//   bench_connections PORT     listens on [::]:PORT
//
// A line on standard input with a number: that many connections in all shall be open. The answer is
// the number, or "no: " and why not. At the end of the input all of them are reset, so that nothing
// is left in TIME_WAIT, and the program ends.
//
// It is a program of its own because a process with many open files is dear to fork, which would be
// charged to what is measured. It spreads the connections over processes, each with as many files
// as the limit allows.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "drain/result.h"
#include "sockets/errno_error.h"
#include "sockets/unique_fd.h"
#include "tests/sockets/own_network.h"
#include "tests/sockets/tcp.h"

namespace drainbow {
namespace {

// Far below the 28,232 ports that the kernel gives to one source address (ip_local_port_range).
constexpr std::size_t kConnectionsPerSource = 10'000;

// 127.1.0.1, 127.1.0.2, ...
IpAddress source_of(std::size_t connection) {
  const std::size_t source = connection / kConnectionsPerSource;
  return testing::ip("127.1." + std::to_string(source / 250) + "." +
                     std::to_string(source % 250 + 1));
}

std::size_t connections_per_process() {
  constexpr std::uint64_t kOtherFiles = 100;
  constexpr std::uint64_t kMost = 500'000;
  return std::min(testing::raise_file_limit() - kOtherFiles, kMost) / 2;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;

  static Pipe make() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) std::abort();
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

class Connections {
 public:
  // IPv4 clients of a dual-stack listener, as most servers have: the server's ends are IPv6 sockets
  // to the kernel, the clients' ends IPv4 ones, so a reader must look at both families.
  explicit Connections(std::uint16_t port)
      : listener_(testing::listen_on({}, {.stack = testing::Stack::kDual, .port = port})),
        server_{testing::ip("127.0.0.1"), port} {}

  ~Connections() {
    while_open_.write_end.reset();
    while (::wait(nullptr) > 0) {
    }
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  Result<void> grow_to(std::size_t total) {
    while (open_ < total) {
      const std::size_t more = std::min(total - open_, per_process_);
      const Result<void> held = hold_in_child(more);
      if (!held) return held;
      open_ += more;
    }
    return {};
  }

 private:
  Result<void> hold_in_child(std::size_t number) {
    Pipe done = Pipe::make();
    const pid_t child = ::fork();
    if (child < 0) return errno_error("fork");
    if (child == 0) {
      while_open_.write_end.reset();
      hold(number, std::move(done.write_end));
      ::_exit(EXIT_SUCCESS);
    }
    done.write_end.reset();
    char byte = 0;
    if (::read(done.read_end.get(), &byte, 1) != 1) return Error{"a process that connects ended"};
    return {};
  }

  // Says when they are open, and keeps them until the parent closes its pipe or ends.
  void hold(std::size_t number, UniqueFd done) {
    std::vector<UniqueFd> ends;
    for (std::size_t i = 0; i < number; ++i) {
      ends.push_back(testing::connect_to(server_, source_of(open_ + i)));
      testing::reset_on_close(ends.back());
      ends.push_back(testing::accept_on(listener_));
    }
    char byte = 0;
    if (::write(done.get(), &byte, 1) != 1) return;
    while (::read(while_open_.read_end.get(), &byte, 1) > 0) {
    }
  }

  const std::size_t per_process_ = connections_per_process();
  UniqueFd listener_;
  testing::Endpoint server_;
  Pipe while_open_ = Pipe::make();
  std::size_t open_ = 0;
};

int serve(std::uint16_t port) {
  Connections connections(port);
  std::size_t total = 0;
  while (std::cin >> total) {
    const Result<void> grown = connections.grow_to(total);
    std::cout << (grown ? std::to_string(total) : "no: " + grown.error().message) << "\n"
              << std::flush;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace drainbow

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_connections PORT\n";
    return 2;
  }
  return drainbow::serve(static_cast<std::uint16_t>(std::atoi(argv[1])));
}
