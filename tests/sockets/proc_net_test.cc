#include "sockets/proc_net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "sockets/inet_diag.h"
#include "tests/sockets/recording.h"
#include "tests/sockets/ss_output.h"

namespace drainbow {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Family = ProcNetParser::Family;

constexpr char kHeader[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";
constexpr char kRow[] =
    "   0: 0100007F:1F90 0200007F:9C41 01 00000000:00000005 02:000003E8 00000000  1000        0 "
    "4811 2 0000000000000000 20 4 30 10 -1\n";

Result<std::vector<TcpSocket>> parse(std::string_view text, Family family) {
  ProcNetParser parser(family);
  std::vector<TcpSocket> rows;
  const Result<void> fed = parser.feed(text, rows);
  if (!fed) return fed.error();
  const Result<void> finished = parser.finish();
  if (!finished) return finished.error();
  return rows;
}

std::string with(std::string text, std::string_view old_part, std::string_view new_part) {
  return text.replace(text.find(old_part), old_part.size(), new_part);
}

// What both ss and /proc show of a socket. For a listener ss shows its backlog as the send queue.
auto identity(const TcpSocket& socket) {
  return std::tuple(socket.local, socket.local_port, socket.peer, socket.peer_port, socket.state,
                    socket.receive_queue, socket.state == TcpState::kListen ? 0 : socket.send_queue,
                    socket.inode);
}

using Identities = std::set<decltype(identity(TcpSocket()))>;

Identities identities(const std::vector<TcpSocket>& sockets, inet_diag::StateMask states) {
  Identities result;
  for (const TcpSocket& socket : sockets) {
    if ((inet_diag::mask_of(socket.state) & states) != 0) result.insert(identity(socket));
  }
  return result;
}

std::vector<TcpSocket> recorded_rows(const std::string& table) {
  auto rows = parse(testing::read_recorded_text("proc_" + table + ".txt"), Family::kV4);
  const auto v6 = parse(testing::read_recorded_text("proc_" + table + "6.txt"), Family::kV6);
  if (!rows || !v6) return {};
  rows->insert(rows->end(), v6->begin(), v6->end());
  return *rows;
}

TEST(RecordedProcNet, TcpIsThatOfSs) {
  const auto expected = testing::parse_ss(testing::read_recorded_text("tcp.ss.txt"));
  ASSERT_GT(expected.size(), 30U);
  EXPECT_EQ(identities(recorded_rows("tcp"), inet_diag::kSampleStates),
            identities(expected, inet_diag::kSampleStates));
}

TEST(RecordedProcNet, UdpIsThatOfSs) {
  const auto expected = testing::parse_ss(testing::read_recorded_text("udp.ss.txt"));
  ASSERT_THAT(expected, SizeIs(5));
  EXPECT_EQ(identities(recorded_rows("udp"), inet_diag::kUdpStates),
            identities(expected, inet_diag::kUdpStates));
}

TEST(RecordedProcNet, CountersAgreeWithTheRows) {
  const auto counters = parse_snmp(testing::read_recorded_text("proc_snmp.txt"));
  ASSERT_TRUE(counters) << counters.error().message;
  const auto rows = recorded_rows("tcp");
  EXPECT_EQ(static_cast<std::ptrdiff_t>(counters->current_established),
            std::ranges::count(rows, TcpState::kEstablished, &TcpSocket::state) +
                std::ranges::count(rows, TcpState::kCloseWait, &TcpSocket::state));
  // 15 connections of the scene, each opened once; the half-open one was not accepted yet.
  EXPECT_EQ(counters->active_opens, counters->passive_opens + 1);
}

TEST(ProcNetParser, ReadsEveryField) {
  const auto rows = parse(std::string(kHeader) + kRow, Family::kV4);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_THAT(*rows, SizeIs(1));
  const TcpSocket& row = rows->front();
  EXPECT_EQ(row.local.to_string(), "127.0.0.1");
  EXPECT_EQ(row.local_port, 8080);
  EXPECT_EQ(row.peer.to_string(), "127.0.0.2");
  EXPECT_EQ(row.peer_port, 40001);
  EXPECT_EQ(row.state, TcpState::kEstablished);
  EXPECT_EQ(row.send_queue, 0U);
  EXPECT_EQ(row.receive_queue, 5U);
  EXPECT_EQ(row.timer, 2);
  EXPECT_EQ(row.retransmits, 0);
  EXPECT_EQ(row.inode, 4811U);
  EXPECT_FALSE(row.idle);
  EXPECT_FALSE(row.bytes_received);
}

TEST(ProcNetParser, MappedAddressEqualsIpv4) {
  const auto rows = parse(
      std::string(kHeader) +
          "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:9C41 01 "
          "00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000\n",
      Family::kV6);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->front().local.to_string(), "127.0.0.1");
  EXPECT_EQ(rows->front().peer.to_string(), "127.0.0.2");
}

TEST(ProcNetParser, CookieStaysWhenTheConnectionIsAcceptedAndDiffersByPort) {
  const std::string header = kHeader;
  const auto accepted = parse(header + kRow, Family::kV4);
  const auto waiting = parse(header + with(kRow, " 4811 ", " 0 "), Family::kV4);
  const auto other = parse(header + with(kRow, "9C41", "9C42"), Family::kV4);
  ASSERT_TRUE(accepted && waiting && other);
  EXPECT_EQ(accepted->front().cookie, waiting->front().cookie);
  EXPECT_NE(accepted->front().cookie, other->front().cookie);
}

TEST(ProcNetParser, CookieOfAListenerChangesWhenItIsOpenedAnew) {
  const std::string listener = with(kRow, " 01 ", " 0A ");
  const auto first = parse(kHeader + listener, Family::kV4);
  const auto second = parse(kHeader + with(listener, " 4811 ", " 4812 "), Family::kV4);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->front().cookie, second->front().cookie);
}

TEST(ProcNetParser, HeaderAloneIsAnEmptyTable) {
  const auto rows = parse(kHeader, Family::kV6);
  ASSERT_TRUE(rows);
  EXPECT_THAT(*rows, SizeIs(0));
}

TEST(ProcNetParser, OddTextIsAnError) {
  const std::string header = kHeader;
  const std::string row = kRow;
  EXPECT_FALSE(parse("", Family::kV4)) << "not even a header";
  EXPECT_FALSE(parse(row, Family::kV4)) << "a row in the header's place";
  EXPECT_FALSE(parse(header + row + "\n", Family::kV4)) << "an empty line";
  EXPECT_FALSE(parse(header + row.substr(0, row.size() - 1), Family::kV4)) << "no last newline";
  EXPECT_FALSE(parse(header + row, Family::kV6)) << "an address of the other family";
  EXPECT_FALSE(parse(header + std::string(600, ' ') + row, Family::kV4)) << "a line too long";
  for (const auto& [old_part, new_part] : std::vector<std::pair<std::string, std::string>>{
           {"0:", "0"},
           {"0:", "x:"},
           {"0100007F:", "0100007F"},
           {"0100007F", "0100007G"},
           {"0100007F", "100007F"},
           {"0100007F", "00100007F"},
           {"1F90", "11F90"},
           {" 01 ", " 00 "},
           {" 01 ", " 0D "},
           {" 01 ", " 101 "},
           {" 01 ", " "},
           {"00000005", ""},
           {"00000005", "100000005"},
           {"02:", "02"},
           {" 4811 ", " -1 "},
           {" 4811 ", " 0x48 "},
           {" 1000 ", " root "},
           {"0000007F", "0000007F"},
       }) {
    if (row.find(old_part) == std::string::npos) continue;
    EXPECT_FALSE(parse(header + with(row, old_part, new_part), Family::kV4))
        << "'" << old_part << "' as '" << new_part << "'";
  }
  const std::string nine_words =
      "   0: 0100007F:1F90 0200007F:9C41 01 00000000:00000005 "
      "02:000003E8 00000000  1000        0\n";
  EXPECT_FALSE(parse(header + nine_words, Family::kV4)) << "no inode";
}

TEST(ProcNetParser, AnErrorQuotesNoControlCharacters) {
  const auto rows = parse(std::string(kHeader) + "\x1b[31m\x01\n", Family::kV4);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr("'?[31m?'"));
}

// However a table is cut into pieces, it has the same rows.
RC_GTEST_PROP(ProcNetParserProperty, PiecesDoNotMatter, ()) {
  const std::string text = testing::read_recorded_text("proc_tcp.txt");
  const auto whole = parse(text, Family::kV4);
  RC_ASSERT(whole.ok());
  ProcNetParser parser(Family::kV4);
  std::vector<TcpSocket> rows;
  for (std::string_view rest = text; !rest.empty();) {
    const auto length = std::min<std::size_t>(*rc::gen::inRange<std::size_t>(1, 400), rest.size());
    RC_ASSERT(parser.feed(rest.substr(0, length), rows).ok());
    rest.remove_prefix(length);
  }
  RC_ASSERT(parser.finish().ok());
  RC_ASSERT(rows == *whole);
}

// A table that ends anywhere but after a line is an error.
RC_GTEST_PROP(ProcNetParserProperty, ACutInsideALineIsAnError, ()) {
  const std::string text = testing::read_recorded_text("proc_tcp.txt");
  const auto length = *rc::gen::inRange<std::size_t>(0, text.size());
  const bool after_line = length > 0 && text[length - 1] == '\n';
  RC_ASSERT(parse(text.substr(0, length), Family::kV4).ok() == after_line);
}

RC_GTEST_PROP(ProcNetParserProperty, DamageNeverCrashes, ()) {
  std::string text = testing::read_recorded_text("proc_tcp6.txt");
  const auto count = *rc::gen::inRange(1, 10);
  for (int i = 0; i < count; ++i) {
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  }
  (void)parse(text, Family::kV6);
}

// --- /proc/net/snmp ---

constexpr char kSnmp[] =
    "Ip: Forwarding DefaultTTL\n"
    "Ip: 1 64\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets "
    "CurrEstab InSegs\n"
    "Tcp: 1 200 120000 -1 16 2 3 4 5 2724\n"
    "Udp: InDatagrams\n"
    "Udp: 7\n";

TEST(ParseSnmp, FindsValuesByName) {
  const auto counters = parse_snmp(kSnmp);
  ASSERT_TRUE(counters) << counters.error().message;
  EXPECT_EQ(*counters, (TcpCounters{.active_opens = 16,
                                    .passive_opens = 2,
                                    .attempt_fails = 3,
                                    .estab_resets = 4,
                                    .current_established = 5}));
}

TEST(ParseSnmp, OrderDoesNotMatter) {
  const auto counters = parse_snmp(
      "Tcp: CurrEstab New EstabResets AttemptFails PassiveOpens ActiveOpens\n"
      "Tcp: 5 99 4 3 2 18446744073709551615\n");
  ASSERT_TRUE(counters);
  EXPECT_EQ(counters->active_opens, 18446744073709551615U);
  EXPECT_EQ(counters->current_established, 5U);
}

TEST(ParseSnmp, OddTextIsAnError) {
  const std::string text = kSnmp;
  EXPECT_FALSE(parse_snmp(""));
  EXPECT_FALSE(parse_snmp("Ip: 1\n"));
  EXPECT_FALSE(parse_snmp(with(text, " -1 16", " -1"))) << "a value is missing";
  EXPECT_FALSE(parse_snmp(with(text, "2724", "2724 1"))) << "a value too many";
  EXPECT_FALSE(parse_snmp(with(text, "-1 16", "-1 -16"))) << "negative";
  EXPECT_FALSE(parse_snmp(with(text, "-1 16", "-1 sixteen")));
  EXPECT_FALSE(parse_snmp(with(text, "CurrEstab", "CurrEstablished"))) << "a name is missing";
  EXPECT_FALSE(parse_snmp(text.substr(0, text.find(" 2724") + 5))) << "cut inside the values";
  EXPECT_FALSE(parse_snmp(text.substr(0, text.find("Tcp: 1")))) << "cut before the values";
  EXPECT_FALSE(parse_snmp(with(text, "Tcp: 1", "Udp: 1"))) << "names without values";
}

}  // namespace
}  // namespace drainbow
