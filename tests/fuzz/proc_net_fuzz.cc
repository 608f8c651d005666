// Feeds arbitrary text to the parsers of /proc/net/{snmp,tcp,tcp6}, whole and in pieces: both ways
// must come to the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "sockets/proc_net.h"

namespace {

struct Parsed {
  bool ok = false;
  std::vector<drainbow::TcpSocket> rows;
};

Parsed parse(std::string_view text, drainbow::ProcNetParser::Family family, std::size_t piece) {
  drainbow::ProcNetParser parser(family);
  Parsed parsed;
  while (!text.empty()) {
    const std::size_t length = std::min(piece, text.size());
    if (!parser.feed(text.substr(0, length), parsed.rows)) return parsed;
    text.remove_prefix(length);
  }
  parsed.ok = parser.finish().ok();
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Family = drainbow::ProcNetParser::Family;
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  (void)drainbow::parse_snmp(text);
  for (const Family family : {Family::kV4, Family::kV6}) {
    const Parsed whole = parse(text, family, size);
    const Parsed pieces = parse(text, family, piece);
    if (whole.ok != pieces.ok || whole.rows != pieces.rows) std::abort();
  }
  return 0;
}
