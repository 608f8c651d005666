// Feeds arbitrary datagrams to the inet_diag decoders. The first byte chooses the request that they
// answer, the next ones where the input is cut into datagrams.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "sockets/inet_diag.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drainbow;
  if (size < 2) return 0;
  const std::uint8_t choice = data[0];
  const std::size_t cut = data[1] * std::size_t{16};
  auto bytes = std::as_bytes(std::span(data, size)).subspan(2);

  std::vector<TcpSocket> destroyed;
  (void)inet_diag::decode_destroyed(bytes, destroyed);

  inet_diag::DumpRequest request{.sequence = 1};
  request.family = static_cast<inet_diag::Family>(choice % 3);
  if (choice >= 128) request.states = inet_diag::kUdpStates;
  inet_diag::DumpDecoder decoder(request);
  std::vector<TcpSocket> rows;
  while (!bytes.empty()) {
    const auto datagram = bytes.first(cut == 0 ? bytes.size() : std::min(cut, bytes.size()));
    bytes = bytes.subspan(datagram.size());
    const Result<bool> decoded = decoder.decode(datagram, rows);
    if (!decoded) break;
    if (*decoded && !bytes.empty() && decoder.decode(bytes, rows).ok()) std::abort();
  }
  for (const TcpSocket& row : rows) {
    if ((inet_diag::mask_of(row.state) & request.states) == 0 || row.cookie == 0) std::abort();
  }
  return 0;
}
