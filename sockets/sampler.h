// Takes samples of the network namespace's sockets, by the best method that works here.
//
// Methods, best first: inet_diag in one pass for both families, inet_diag in two passes, and
// /proc/net/tcp{,6}. The first that works is chosen at the first sample by trying it; while a
// lesser one is in use, a better one is tried again once a minute (kRetryBetter).
//
// Nothing here decides what counts. A dump that is interrupted, short, truncated or malformed is an
// error, never a smaller sample. Needs no capability.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drain/result.h"
#include "drain/socket.h"
#include "drain/time.h"

namespace drainbow {

class SocketSampler {
 public:
  static constexpr std::chrono::seconds kRetryBetter{60};
  // A dump that the counters did not confirm is taken again, up to so many times in all.
  static constexpr int kConfirmTries = 3;

  struct Options {
    bool accept_proc = false;         // --accept-proc: trust /proc/net/tcp without the self-test
    std::string proc_root = "/proc";  // tests pass another
    bool use_netlink = true;          // tests turn it off
  };

  explicit SocketSampler(Options options);
  ~SocketSampler();
  SocketSampler(SocketSampler&&) noexcept;
  SocketSampler& operator=(SocketSampler&&) noexcept;

  // A few microseconds: one pread of /proc/net/snmp.
  Result<TcpCounters> counters();

  struct Taken {
    Sample sample;
    TcpCounters
        counters;  // as they were before the sample: unchanged later ⇒ the sample still holds
  };

  // All sockets, and the counters to compare with later. with_info asks for tcp_info (idle times,
  // bytes received), about 17 % dearer; /proc has none.
  Result<Taken> sample(TimePoint now, bool with_info);

  // Listeners and UDP sockets alone.
  Result<Scan> scan(TimePoint now);

  // What the last sample was taken by.
  SampleMethod method() const;

  // False only with /proc, where a self-test showed that the tables hide unaccepted connections or
  // queues (gVisor), and accept_proc is off: a count of zero then proves nothing.
  bool trustworthy() const;

  // Why better methods are not in use, for people; empty when the best one is.
  std::string why_not_better() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drainbow
