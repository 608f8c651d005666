#include "sockets/confirmation.h"

#include <algorithm>

namespace drainbow {
namespace {

std::uint64_t count(const std::vector<TcpSocket>& sockets, TcpState state) {
  return static_cast<std::uint64_t>(std::ranges::count(sockets, state, &TcpSocket::state));
}

}  // namespace

bool Confirmation::confirms(const TcpCounters& before, const TcpCounters& after,
                            const std::vector<TcpSocket>& sockets) {
  if (before != after) return false;
  const std::uint64_t established = count(sockets, TcpState::kEstablished);
  const std::uint64_t close_wait = count(sockets, TcpState::kCloseWait);
  const bool fits_without = established == before.current_established;
  const bool fits_with = established + close_wait == before.current_established;
  if (close_wait == 0 || (!fits_with && !fits_without)) return fits_with;

  const bool as_known = counts_close_wait_.value_or(fits_with) == fits_with;
  counts_close_wait_ = fits_with;
  return as_known;
}

}  // namespace drainbow
