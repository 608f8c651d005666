#include "sockets/sampler.h"

#include <optional>

#include "sockets/confirmation.h"
#include "sockets/inet_diag_table.h"
#include "sockets/method_choice.h"
#include "sockets/proc_table.h"
#include "sockets/tcp_counters.h"

namespace drainbow {
namespace {

using Clock = std::chrono::steady_clock;

// The caller's loop stands still during a sample: no further try once so much time is spent.
constexpr std::chrono::seconds kTryAgainWithin{1};

}  // namespace

class SocketSampler::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)), counters_(options_.proc_root), proc_(options_.proc_root) {}

  Result<TcpCounters> counters() { return counters_.read(); }
  SampleMethod method() const { return method_; }

  Result<Taken> sample(TimePoint now, bool with_info) {
    Result<Taken> taken = by_best_method<Taken>(
        now, [&](SampleMethod method) { return take_confirmed(method, with_info); });
    if (!taken) return taken.error().wrap("reading the TCP sockets");
    method_ = taken->sample.method;
    test_proc();
    return taken;
  }

  Result<Scan> scan(TimePoint now) {
    Result<std::vector<Listener>> listeners = by_best_method<std::vector<Listener>>(
        now, [&](SampleMethod method) { return table(method).listeners(); });
    if (!listeners) return listeners.error().wrap("reading the listeners");
    Result<std::vector<UdpSocket>> udp_sockets = udp();
    if (!udp_sockets) return udp_sockets.error().wrap("reading the UDP sockets");
    return Scan{std::move(*listeners), std::move(*udp_sockets)};
  }

  bool trustworthy() const {
    return method_ != SampleMethod::kProc || options_.accept_proc ||
           proc_shows_unaccepted_.value_or(false);
  }

  std::string why_not_better() const {
    if (!options_.use_netlink) return "netlink is turned off";
    return choice_.why_not_better_than(method_);
  }

 private:
  SocketTable& table(SampleMethod method) {
    switch (method) {
      case SampleMethod::kDump:
        return one_pass_;
      case SampleMethod::kDumpTwoPass:
        return two_pass_;
      case SampleMethod::kProc:
      case SampleMethod::kUnchanged:
        break;
    }
    return proc_;
  }

  std::vector<SampleMethod> methods(TimePoint now) const {
    if (!options_.use_netlink) return {SampleMethod::kProc};
    return choice_.to_try(now);
  }

  // `take` by the best method that works. A method that fails is given up only when its trial fails
  // too; otherwise the failure is one of this read alone.
  template <typename T, typename Take>
  Result<T> by_best_method(TimePoint now, Take take) {
    for (const SampleMethod method : methods(now)) {
      if (!choice_.proven(method) && !passes_trial(method, now)) continue;
      Result<T> taken = take(method);
      if (taken || passes_trial(method, now)) return taken;
    }
    return Error{"nothing works here: " + choice_.failures()};
  }

  bool passes_trial(SampleMethod method, TimePoint now) {
    const Result<void> passed = table(method).trial();
    if (passed) {
      choice_.worked(method);
    } else {
      choice_.failed(method, passed.error(), now);
    }
    return passed.ok();
  }

  Result<Taken> take_confirmed(SampleMethod method, bool with_info) {
    const auto start = Clock::now();
    for (int tries = 1;; ++tries) {
      Result<Taken> taken = take(method, with_info);
      if (!taken || taken->sample.confirmed || tries == kConfirmTries ||
          Clock::now() - start > kTryAgainWithin) {
        return taken;
      }
    }
  }

  Result<Taken> take(SampleMethod method, bool with_info) {
    const Result<TcpCounters> before = counters();
    if (!before) return before.error();
    Result<TcpTable> read = table(method).tcp(with_info);
    if (!read) return read.error();
    const Result<TcpCounters> after = counters();
    if (!after) return after.error();

    Taken taken;
    taken.counters = *before;
    taken.sample.method = method;
    taken.sample.passive_opens = after->passive_opens;
    // --accept-proc is for kernels whose counters and tables do not agree.
    taken.sample.confirmed = confirmation_.confirms(*before, *after, read->sockets) ||
                             (method == SampleMethod::kProc && options_.accept_proc);
    taken.sample.sockets = std::move(read->sockets);
    taken.sample.listeners = std::move(read->listeners);
    return taken;
  }

  // UDP has a kernel module of its own (udp_diag), which may be missing where TCP's is there.
  Result<std::vector<UdpSocket>> udp() {
    if (!options_.use_netlink) return proc_.udp();
    Result<std::vector<UdpSocket>> sockets = two_pass_.udp();
    if (sockets) return sockets;
    Result<std::vector<UdpSocket>> from_proc = proc_.udp();
    if (!from_proc) return from_proc.error().wrap(sockets.error().message);
    return from_proc;
  }

  // Once, when /proc is what there is. Not again: the answer is the kernel's nature.
  void test_proc() {
    if (method_ != SampleMethod::kProc || options_.accept_proc || proc_shows_unaccepted_) return;
    const Result<bool> shows = proc_.shows_unaccepted();
    if (shows) proc_shows_unaccepted_ = *shows;
  }

  Options options_;
  TcpCountersFile counters_;
  InetDiagTable one_pass_{InetDiagTable::Passes::kOne};
  InetDiagTable two_pass_{InetDiagTable::Passes::kTwo};
  ProcTable proc_;
  MethodChoice choice_{kRetryBetter};
  Confirmation confirmation_;
  SampleMethod method_ = SampleMethod::kDump;
  std::optional<bool> proc_shows_unaccepted_;
};

SocketSampler::SocketSampler(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
SocketSampler::~SocketSampler() = default;
SocketSampler::SocketSampler(SocketSampler&&) noexcept = default;
SocketSampler& SocketSampler::operator=(SocketSampler&&) noexcept = default;

Result<TcpCounters> SocketSampler::counters() { return impl_->counters(); }
Result<SocketSampler::Taken> SocketSampler::sample(TimePoint now, bool with_info) {
  return impl_->sample(now, with_info);
}
Result<Scan> SocketSampler::scan(TimePoint now) { return impl_->scan(now); }
SampleMethod SocketSampler::method() const { return impl_->method(); }
bool SocketSampler::trustworthy() const { return impl_->trustworthy(); }
std::string SocketSampler::why_not_better() const { return impl_->why_not_better(); }

}  // namespace drainbow
