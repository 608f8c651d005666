#include "sockets/socket_table.h"

#include <algorithm>
#include <unordered_set>

namespace drainbow {
namespace {

bool has_duplicates(const std::vector<TcpSocket>& rows) {
  std::vector<std::uint64_t> cookies;
  cookies.reserve(rows.size());
  for (const TcpSocket& row : rows) cookies.push_back(row.cookie);
  std::ranges::sort(cookies);
  return std::ranges::adjacent_find(cookies) != cookies.end();
}

void keep_last_of_each(std::vector<TcpSocket>& rows) {
  std::ranges::reverse(rows);
  std::unordered_set<std::uint64_t> seen;
  std::erase_if(rows, [&](const TcpSocket& row) { return !seen.insert(row.cookie).second; });
}

}  // namespace

TcpTable make_tcp_table(std::vector<TcpSocket> rows) {
  if (has_duplicates(rows)) keep_last_of_each(rows);
  TcpTable table;
  const auto is_listener = [](const TcpSocket& row) { return row.state == TcpState::kListen; };
  for (const TcpSocket& row : rows) {
    if (is_listener(row)) table.listeners.push_back({row.cookie, row.local, row.local_port});
  }
  std::erase_if(rows, is_listener);
  table.sockets = std::move(rows);
  return table;
}

}  // namespace drainbow
