#include "sockets/proc_table.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "sockets/errno_error.h"
#include "sockets/inet_diag.h"
#include "sockets/loopback.h"
#include "sockets/proc_net.h"
#include "sockets/unique_fd.h"

namespace drainbow {
namespace {

using Clock = std::chrono::steady_clock;

// As for a dump through inet_diag: bounds for time and memory.
constexpr std::chrono::seconds kDeadline{5};
constexpr std::size_t kMaxRows = 2'000'000;

Result<void> read_rows(int fd, ProcNetParser::Family family, std::vector<TcpSocket>& rows) {
  const auto deadline = Clock::now() + kDeadline;
  ProcNetParser parser(family);
  std::array<char, 32 * 1024> text{};
  while (true) {
    const ssize_t length = ::read(fd, text.data(), text.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno_error("read");
    if (length == 0) return parser.finish();
    const Result<void> fed =
        parser.feed(std::string_view(text.data(), static_cast<std::size_t>(length)), rows);
    if (!fed) return fed;
    if (rows.size() > kMaxRows) return Error{"more than " + std::to_string(kMaxRows) + " sockets"};
    if (Clock::now() > deadline) return Error{"it took too long"};
  }
}

// False when there is no such file.
Result<bool> read_file(const std::string& path, ProcNetParser::Family family,
                       std::vector<TcpSocket>& rows) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return false;
  if (!file) return errno_error("opening " + path);
  const Result<void> read = read_rows(file.get(), family, rows);
  if (!read) return read.error().wrap("reading " + path);
  return true;
}

}  // namespace

Result<std::vector<TcpSocket>> ProcTable::read_both(const std::string& name) {
  std::vector<TcpSocket> rows;
  const Result<bool> v4 = read_file(net_ + name, ProcNetParser::Family::kV4, rows);
  if (!v4) return v4.error();
  if (!*v4) return Error{"there is no " + net_ + name};
  // Without IPv6 in the kernel, this table alone is missing.
  const Result<bool> v6 = read_file(net_ + name + "6", ProcNetParser::Family::kV6, rows);
  if (!v6) return v6.error();
  return rows;
}

Result<void> ProcTable::trial() {
  const Result<std::vector<TcpSocket>> rows = read_both("tcp");
  if (!rows) return rows.error();
  return {};
}

Result<TcpTable> ProcTable::tcp(bool /*with_info*/) {
  Result<std::vector<TcpSocket>> rows = read_both("tcp");
  if (!rows) return rows.error();
  std::erase_if(*rows, [](const TcpSocket& row) {
    return (inet_diag::mask_of(row.state) & inet_diag::kSampleStates) == 0;
  });
  return make_tcp_table(std::move(*rows));
}

Result<std::vector<Listener>> ProcTable::listeners() {
  Result<TcpTable> table = tcp(false);
  if (!table) return table.error();
  return std::move(table->listeners);
}

Result<std::vector<UdpSocket>> ProcTable::udp() {
  const Result<std::vector<TcpSocket>> rows = read_both("udp");
  if (!rows) return rows.error();
  std::vector<UdpSocket> sockets;
  for (const TcpSocket& row : *rows) {
    sockets.push_back({row.local, row.local_port, row.peer_port});
  }
  return sockets;
}

Result<bool> ProcTable::shows_unaccepted() {
  const Result<UnacceptedConnection> made = UnacceptedConnection::make();
  if (!made) return made.error();
  const auto is_shown = [&](const TcpSocket& row) {
    return row.local_port == made->listener.port && row.peer_port == made->client_port &&
           row.state == TcpState::kEstablished && row.receive_queue > 0;
  };
  // Loopback delivers at once on an idle machine; a busy one may be a few milliseconds late.
  for (int looks = 0; looks < 20; ++looks) {
    const Result<TcpTable> table = tcp(false);
    if (!table) return table.error();
    if (std::ranges::any_of(table->sockets, is_shown)) return true;
    ::poll(nullptr, 0, 1);
  }
  return false;
}

}  // namespace drainbow
