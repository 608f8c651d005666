#include "tests/sockets/ss_output.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

namespace drainbow::testing {
namespace {

std::optional<TcpState> to_state(const std::string& name) {
  static const std::map<std::string, TcpState> kStates = {
      {"ESTAB", TcpState::kEstablished},   {"SYN-RECV", TcpState::kSynRecv},
      {"FIN-WAIT-1", TcpState::kFinWait1}, {"CLOSE-WAIT", TcpState::kCloseWait},
      {"LAST-ACK", TcpState::kLastAck},    {"CLOSING", TcpState::kClosing},
      {"LISTEN", TcpState::kListen},       {"UNCONN", TcpState::kClose}};
  const auto found = kStates.find(name);
  if (found == kStates.end()) return std::nullopt;
  return found->second;
}

struct End {
  IpAddress address;
  std::uint16_t port = 0;
};

// "127.0.0.1:80", "[::1]:80", "*:80", "127.0.0.1%lo:80", "[::]:*".
End to_end(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  if (const std::size_t zone = address.find('%'); zone != std::string::npos) address.resize(zone);
  if (address == "*") address = "::";
  const Result<IpAddress> parsed = IpAddress::parse(address);
  if (!parsed) std::abort();
  return {*parsed, static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1))};
}

// The number after `name` in "... ino:48 sk:a2 bytes_received:5 ...".
std::optional<std::uint64_t> field(std::string_view line, std::string_view name, int base) {
  const std::string needle = " " + std::string(name) + ":";
  const std::size_t at = line.find(needle);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(line.data() + at + needle.size(), line.data() + line.size(), value, base);
  return value;
}

}  // namespace

std::vector<TcpSocket> parse_ss(std::string_view text) {
  std::vector<TcpSocket> sockets;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string state;
    std::string local;
    std::string peer;
    TcpSocket socket;
    words >> state >> socket.receive_queue >> socket.send_queue >> local >> peer;
    const std::optional<TcpState> known = to_state(state);
    if (!known) continue;
    socket.state = *known;
    socket.local = to_end(local).address;
    socket.local_port = to_end(local).port;
    socket.peer = to_end(peer).address;
    socket.peer_port = to_end(peer).port;
    socket.inode = static_cast<std::uint32_t>(field(line, "ino", 10).value_or(0));
    socket.cookie = field(line, "sk", 16).value_or(0);
    socket.bytes_received = field(line, "bytes_received", 10);
    sockets.push_back(socket);
  }
  return sockets;
}

std::optional<std::string> run_ss(const std::string& arguments) {
  if (std::system("command -v ss >/dev/null 2>&1") != 0) return std::nullopt;
  const auto close = [](FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> pipe(::popen(("ss " + arguments).c_str(), "r"),
                                                    close);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    output.append(buffer.data(), count);
  }
  return output;
}

}  // namespace drainbow::testing
