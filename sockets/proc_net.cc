#include "sockets/proc_net.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace drainbow {
namespace {

// Real lines have 150 to 200 characters.
constexpr std::size_t kLongestLine = 512;
constexpr std::size_t kLongestQuote = 80;

// Cuts the next word, as separated by blanks, off `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// Cuts off what stands before the first newline, or all of it.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// Cuts off what stands before `separator`; nothing when it is not there.
std::optional<std::string_view> cut_before(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

template <typename T>
std::optional<T> number(std::string_view text, int base) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value, base);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return value;
}

template <typename T>
std::optional<T> hex(std::string_view digits) {
  return number<T>(digits, 16);
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text.substr(0, kLongestQuote)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + "'";
}

template <std::size_t kWords>
std::optional<IpAddress> parse_address(std::string_view digits) {
  constexpr std::size_t kDigits = 8;
  if (digits.size() != kWords * kDigits) return std::nullopt;
  std::array<std::uint32_t, kWords> words{};
  for (std::size_t i = 0; i < kWords; ++i) {
    const auto word = hex<std::uint32_t>(digits.substr(i * kDigits, kDigits));
    if (!word) return std::nullopt;
    words[i] = *word;
  }
  const auto bytes = std::bit_cast<std::array<std::uint8_t, kWords * 4>>(words);
  if constexpr (kWords == 1) {
    return IpAddress::v4(bytes);
  } else {
    return IpAddress::v6(bytes);
  }
}

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

// "0100007F:1F90".
std::optional<Endpoint> parse_endpoint(std::string_view word, ProcNetParser::Family family) {
  const auto digits = cut_before(word, ':');
  if (!digits) return std::nullopt;
  const auto address =
      family == ProcNetParser::Family::kV4 ? parse_address<1>(*digits) : parse_address<4>(*digits);
  const auto port = hex<std::uint16_t>(word);
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}

template <typename T>
struct HexPair {
  T first;
  T second;
};

// "00000000:00000001".
template <typename T>
std::optional<HexPair<T>> parse_pair(std::string_view word) {
  const auto before = cut_before(word, ':');
  if (!before) return std::nullopt;
  const auto first = hex<T>(*before);
  const auto second = hex<T>(word);
  if (!first || !second) return std::nullopt;
  return HexPair<T>{*first, *second};
}

// 64-bit FNV-1a (RFC 9923), never 0.
class Hash {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) value_ = (value_ ^ byte) * 0x100000001b3;
  }
  void add(std::uint32_t number) {
    add(std::bit_cast<std::array<std::uint8_t, sizeof(number)>>(number));
  }
  std::uint64_t value() const { return std::max<std::uint64_t>(value_, 1); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

std::uint64_t made_cookie(const TcpSocket& row) {
  Hash hash;
  hash.add(row.local.bytes());
  hash.add(row.peer.bytes());
  hash.add(std::uint32_t{row.local_port} << 16 | row.peer_port);
  // Several listeners may share an address and port (SO_REUSEPORT). A connection's inode changes
  // when it is accepted.
  if (row.state == TcpState::kListen) hash.add(row.inode);
  return hash.value();
}

template <typename Narrow, typename Wide>
Narrow saturated(Wide value) {
  return static_cast<Narrow>(std::min<Wide>(value, std::numeric_limits<Narrow>::max()));
}

//  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4811
//   ...
// What follows differs from kernel to kernel.
std::optional<TcpSocket> parse_row(std::string_view line, ProcNetParser::Family family) {
  std::string_view slot = next_word(line);
  const auto slot_number = cut_before(slot, ':');
  const auto local = parse_endpoint(next_word(line), family);
  const auto peer = parse_endpoint(next_word(line), family);
  const auto state = hex<std::uint8_t>(next_word(line));
  const auto queues = parse_pair<std::uint32_t>(next_word(line));
  const auto timer = parse_pair<std::uint64_t>(next_word(line));
  const auto retransmits = hex<std::uint32_t>(next_word(line));
  const auto uid = number<std::uint32_t>(next_word(line), 10);
  const auto timeout = number<std::int64_t>(next_word(line), 10);
  const auto inode = number<std::uint64_t>(next_word(line), 10);
  if (!slot_number || !number<std::uint32_t>(*slot_number, 10) || !slot.empty() || !local ||
      !peer || !state || !queues || !timer || !retransmits || !uid || !timeout || !inode) {
    return std::nullopt;
  }
  if (*state < static_cast<std::uint8_t>(TcpState::kEstablished) ||
      *state > static_cast<std::uint8_t>(TcpState::kNewSynRecv)) {
    return std::nullopt;
  }
  TcpSocket row;
  row.local = local->address;
  row.local_port = local->port;
  row.peer = peer->address;
  row.peer_port = peer->port;
  row.state = static_cast<TcpState>(*state);
  if (row.state == TcpState::kNewSynRecv) row.state = TcpState::kSynRecv;
  row.send_queue = queues->first;
  row.receive_queue = queues->second;
  row.timer = saturated<std::uint8_t>(timer->first);  // the same numbers as idiag_timer
  row.retransmits = saturated<std::uint8_t>(*retransmits);
  row.inode = saturated<std::uint32_t>(*inode);
  row.cookie = made_cookie(row);
  return row;
}

bool is_header(std::string_view line) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "sl", "local_address", "",         "st",  "tx_queue", "rx_queue",
      "tr", "tm->when",      "retrnsmt", "uid", "timeout",  "inode"};
  return std::ranges::all_of(kNames, [&](std::string_view name) {
    const std::string_view word = next_word(line);
    // The third column is rem_address in the IPv4 tables, remote_address in the IPv6 ones.
    return name.empty() ? word == "rem_address" || word == "remote_address" : word == name;
  });
}

}  // namespace

Result<void> ProcNetParser::parse_line(std::string_view line, std::vector<TcpSocket>& rows) {
  if (!header_seen_) {
    if (!is_header(line)) return Error{"the table's header is " + in_quotes(line)};
    header_seen_ = true;
    return {};
  }
  const std::optional<TcpSocket> row = parse_row(line, family_);
  if (!row) return Error{"a malformed line " + in_quotes(line)};
  rows.push_back(*row);
  return {};
}

Result<void> ProcNetParser::feed(std::string_view text, std::vector<TcpSocket>& rows) {
  while (!text.empty()) {
    const bool complete = text.find('\n') != std::string_view::npos;
    std::string_view line = next_line(text);
    if (partial_.size() + line.size() > kLongestLine) {
      return Error{"a line of more than " + std::to_string(kLongestLine) + " characters"};
    }
    if (!complete || !partial_.empty()) line = partial_.append(line);
    if (!complete) return {};
    const Result<void> parsed = parse_line(line, rows);
    if (!parsed) return parsed;
    partial_.clear();
  }
  return {};
}

Result<void> ProcNetParser::finish() const {
  if (!partial_.empty()) return Error{"the table ends inside the line " + in_quotes(partial_)};
  if (!header_seen_) return Error{"the table is empty"};
  return {};
}

Result<TcpCounters> parse_snmp(std::string_view text) {
  constexpr std::string_view kTcp = "Tcp: ";
  while (!text.starts_with(kTcp)) {
    if (text.empty()) return Error{"no line starts with 'Tcp: '"};
    next_line(text);
  }
  std::string_view names = next_line(text);
  const bool complete = text.find('\n') != std::string_view::npos;
  std::string_view values = next_line(text);
  if (!complete || !values.starts_with(kTcp)) return Error{"the Tcp: names have no values"};

  TcpCounters counters;
  struct Wanted {
    std::string_view name;
    std::uint64_t* value;
    bool found = false;
  };
  std::array<Wanted, 5> wanted = {{{"ActiveOpens", &counters.active_opens},
                                   {"PassiveOpens", &counters.passive_opens},
                                   {"AttemptFails", &counters.attempt_fails},
                                   {"EstabResets", &counters.estab_resets},
                                   {"CurrEstab", &counters.current_established}}};
  while (true) {
    const std::string_view name = next_word(names);
    const std::string_view word = next_word(values);
    if (name.empty() != word.empty()) return Error{"the Tcp: line has not one value a name"};
    if (name.empty()) break;
    const auto field = std::ranges::find(wanted, name, &Wanted::name);
    if (field == wanted.end()) continue;
    const auto value = number<std::uint64_t>(word, 10);
    if (!value) return Error{"Tcp: " + std::string(name) + " is " + in_quotes(word)};
    *field->value = *value;
    field->found = true;
  }
  for (const Wanted& field : wanted) {
    if (!field.found) return Error{"the Tcp: line has no " + std::string(field.name)};
  }
  return counters;
}

}  // namespace drainbow
