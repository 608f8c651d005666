// Whether the TCP counters prove that a read of the socket table missed nothing. Pure.
//
// A read of the table is no snapshot: the kernel walks its hash buckets, releases the lock between
// two datagrams, and finds its place again by counting. When a socket leaves the bucket meanwhile,
// be it only one in TIME_WAIT, the walk skips one that stayed. So a read is confirmed when
//   1. the counters were the same before and after, and
//   2. CurrEstab is the number of rows that it counts.
// By (1) no connection was accepted meanwhile: PassiveOpens only grows, and grows with each one. By
// (2) as many rows are missing as are too many.
//
// What can still deceive it. A connection that this side opens bumps ActiveOpens with its SYN, but
// CurrEstab only when the answer comes; a server's Fast Open connection does the like. One that is
// established and another one that ends between the two reads of the counters leave these
// unchanged. The read then shows both, one or neither; if both, and if it skipped a third socket at
// the same time, it is confirmed wrongly. Three rare events must meet within one read (and the
// agent's verdict rests on more than one). Reads of the counters are not atomic over the CPUs
// either, but whatever one read missed the next one sees, which then differs.
//
// CurrEstab counts ESTABLISHED and CLOSE_WAIT. Kernels without "tcp: count CLOSE_WAIT sockets for
// TCP_MIB_CURRESTAB" (6.10, in stable kernels since mid-2024) count ESTABLISHED only. Which one
// this is shows by itself at the first CLOSE_WAIT, since the rows then fit in one way only.
#pragma once

#include <optional>
#include <vector>

#include "drain/socket.h"

namespace drainbow {

class Confirmation {
 public:
  bool confirms(const TcpCounters& before, const TcpCounters& after,
                const std::vector<TcpSocket>& sockets);

 private:
  // Whether CurrEstab counts CLOSE_WAIT, as the last read that could tell had it. One that says
  // otherwise is not confirmed, but believed when the next one agrees.
  std::optional<bool> counts_close_wait_;
};

}  // namespace drainbow
