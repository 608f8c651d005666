// Netlink datagrams in a file: each with its length before it, four bytes, little-endian.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drainbow::testing {

using Recording = std::vector<std::vector<std::byte>>;

void write_recording(const std::string& path, const Recording& recording);

// From tests/sockets/recorded/. Aborts when the file is not there.
Recording read_recorded(const std::string& name);
std::string read_recorded_text(const std::string& name);

}  // namespace drainbow::testing
