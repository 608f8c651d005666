#include "tests/sockets/recording.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace drainbow::testing {

void write_recording(const std::string& path, const Recording& recording) {
  std::ofstream file(path, std::ios::binary);
  for (const auto& datagram : recording) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      file.put(static_cast<char>(datagram.size() >> shift & 0xff));
    }
    file.write(reinterpret_cast<const char*>(datagram.data()),
               static_cast<std::streamsize>(datagram.size()));
  }
}

std::string read_recorded_text(const std::string& name) {
  std::ifstream file(std::string(DRAINBOW_RECORDED) + "/" + name, std::ios::binary);
  if (!file) {
    std::perror(name.c_str());
    std::abort();
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Recording read_recorded(const std::string& name) {
  const std::string bytes = read_recorded_text(name);
  Recording recording;
  for (std::size_t at = 0; at + 4 <= bytes.size();) {
    std::size_t length = 0;
    for (unsigned i = 0; i < 4; ++i) {
      length |= std::size_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
    }
    at += 4;
    const auto* start = reinterpret_cast<const std::byte*>(bytes.data() + at);
    recording.emplace_back(start, start + length);
    at += length;
  }
  return recording;
}

}  // namespace drainbow::testing
