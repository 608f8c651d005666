// Counts the connections on one port by every method in turn, A B C A B C ..., and prints what each
// single count took.
//
//   bench_counting PORT EXPECTED ROUNDS
//
// Output: lines of METHOD, CPU seconds and wall seconds, parted by tabs. CPU is this process and
// the children that it waited for, so that a method may start programs. A first round is not
// printed. A count other than EXPECTED ends the program with status 1.

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "tests/bench/counting_methods.h"

namespace drainbow::bench {
namespace {

double seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double clock_seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return seconds(time);
}

double children_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Cost {
  double cpu = 0;
  double wall = 0;
};

// The clocks are read in opposite order at both ends, so that no method pays for reading them.
struct Reading {
  double wall = 0;
  double cpu = 0;

  static Reading before() {
    const double children = children_seconds();
    Reading reading;
    reading.wall = clock_seconds(CLOCK_MONOTONIC);
    reading.cpu = children + clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    return reading;
  }
  static Reading after() {
    Reading reading;
    reading.cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    reading.wall = clock_seconds(CLOCK_MONOTONIC);
    reading.cpu += children_seconds();
    return reading;
  }
};

bool measure(const Method& method, std::uint64_t expected, Cost& cost) {
  const Reading start = Reading::before();
  const Result<std::uint64_t> counted = method.count();
  const Reading end = Reading::after();
  cost = {.cpu = end.cpu - start.cpu, .wall = end.wall - start.wall};
  if (counted && *counted == expected) return true;
  const std::string got = counted ? std::to_string(*counted) : counted.error().message;
  std::fprintf(stderr, "bench_counting: WRONG COUNT: %s: %s instead of %llu\n", method.name.c_str(),
               got.c_str(), static_cast<unsigned long long>(expected));
  return false;
}

int run(std::uint16_t port, std::uint64_t expected, int rounds) {
  const std::vector<Method> methods = counting_methods(port);
  for (int round = 0; round <= rounds; ++round) {
    for (const Method& method : methods) {
      Cost cost;
      if (!measure(method, expected, cost)) return EXIT_FAILURE;
      if (round > 0) std::printf("%s\t%.9f\t%.9f\n", method.name.c_str(), cost.cpu, cost.wall);
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace drainbow::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_counting PORT EXPECTED ROUNDS\n");
    return 2;
  }
  return drainbow::bench::run(static_cast<std::uint16_t>(std::atoi(argv[1])),
                              std::strtoull(argv[2], nullptr, 10), std::atoi(argv[3]));
}
