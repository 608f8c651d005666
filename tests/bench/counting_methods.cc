#include "tests/bench/counting_methods.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "drain/socket.h"
#include "sockets/errno_error.h"
#include "sockets/inet_diag_table.h"
#include "sockets/sampler.h"

namespace drainbow::bench {
namespace {

using Count = Result<std::uint64_t>;

std::uint64_t established_on(const std::vector<TcpSocket>& sockets, std::uint16_t port) {
  return static_cast<std::uint64_t>(std::ranges::count_if(sockets, [port](const TcpSocket& socket) {
    return socket.local_port == port && socket.state == TcpState::kEstablished;
  }));
}

// What the agent does when a full sample is due. Not being confirmed is an error here, since
// nothing moves while the bench counts.
Count count_by_sample(SocketSampler& sampler, std::uint16_t port, bool with_info,
                      SampleMethod expected) {
  const Result<SocketSampler::Taken> taken = sampler.sample(TimePoint{}, with_info);
  if (!taken) return taken.error();
  if (sampler.method() != expected) return Error{sampler.why_not_better()};
  if (!taken->sample.confirmed) return Error{"the counters do not confirm the sample"};
  return established_on(taken->sample.sockets, port);
}

Method full_sample(const std::string& name, std::uint16_t port, bool with_info) {
  const auto sampler = std::make_shared<SocketSampler>(SocketSampler::Options{});
  return {name, [=] { return count_by_sample(*sampler, port, with_info, SampleMethod::kDump); }};
}

Method two_passes(const std::string& name, std::uint16_t port) {
  const auto table = std::make_shared<InetDiagTable>(InetDiagTable::Passes::kTwo);
  return {name, [=]() -> Count {
            const Result<TcpTable> read = table->tcp(/*with_info=*/false);
            if (!read) return read.error();
            return established_on(read->sockets, port);
          }};
}

Method proc_reader(const std::string& name, std::uint16_t port) {
  const auto sampler = std::make_shared<SocketSampler>(
      SocketSampler::Options{.accept_proc = true, .use_netlink = false});
  return {name, [=] {
            return count_by_sample(*sampler, port, /*with_info=*/false, SampleMethod::kProc);
          }};
}

// What the agent does at most ticks: the last count holds while the counters have not moved. The
// first count takes the sample to compare with.
class UnchangedCheck {
 public:
  explicit UnchangedCheck(std::uint16_t port) : port_(port) {}

  Count count() {
    if (!base_) return take_base();
    const Result<TcpCounters> now = sampler_.counters();
    if (!now) return now.error();
    if (*now != *base_) return Error{"the counters have moved"};
    return count_;
  }

 private:
  Count take_base() {
    const Result<SocketSampler::Taken> taken = sampler_.sample(TimePoint{}, /*with_info=*/false);
    if (!taken) return taken.error();
    base_ = taken->counters;
    count_ = established_on(taken->sample.sockets, port_);
    return count_;
  }

  std::uint16_t port_;
  SocketSampler sampler_{SocketSampler::Options{}};
  std::optional<TcpCounters> base_;
  std::uint64_t count_ = 0;
};

Method unchanged_check(const std::string& name, std::uint16_t port) {
  const auto check = std::make_shared<UnchangedCheck>(port);
  return {name, [check] { return check->count(); }};
}

struct ClosePipe {
  void operator()(FILE* pipe) const { ::pclose(pipe); }
};

// A shell command that prints the number.
Method command(const std::string& name, const std::string& line) {
  return {name, [line]() -> Count {
            const std::unique_ptr<FILE, ClosePipe> pipe(::popen(line.c_str(), "re"));
            if (!pipe) return errno_error("starting a shell");
            unsigned long long count = 0;
            if (std::fscanf(pipe.get(), "%llu", &count) != 1) return Error{line + ": no number"};
            return count;
          }};
}

}  // namespace

std::vector<Method> counting_methods(std::uint16_t port) {
  const std::string ss = "ss -Htn state established sport = :" + std::to_string(port) + " | wc -l";
  return {
      command("ss -Htn ... | wc -l", ss),
      proc_reader("agent: /proc/net/tcp, tcp6", port),
      two_passes("agent: dump, two passes", port),
      full_sample("agent: dump with tcp_info", port, /*with_info=*/true),
      full_sample("agent: dump (full sample)", port, /*with_info=*/false),
      unchanged_check("agent: counters unchanged", port),
  };
}

}  // namespace drainbow::bench
