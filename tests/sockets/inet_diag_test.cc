#include "sockets/inet_diag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>

#include "sockets/socket_table.h"
#include "tests/sockets/recording.h"
#include "tests/sockets/row_builder.h"
#include "tests/sockets/ss_output.h"

namespace drainbow {
namespace {

using inet_diag::DumpDecoder;
using inet_diag::DumpRequest;
using inet_diag::Family;
using inet_diag::Protocol;
using testing::append_result;
using testing::append_row;
using testing::Datagram;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t kNoop = 1;
constexpr std::uint16_t kError = 2;
constexpr std::uint16_t kDone = 3;
constexpr std::uint16_t kOverrun = 4;

Result<std::vector<TcpSocket>> decode_all(const testing::Recording& datagrams,
                                          const DumpRequest& request) {
  DumpDecoder decoder(request);
  std::vector<TcpSocket> rows;
  bool done = false;
  for (const auto& datagram : datagrams) {
    const Result<bool> decoded = decoder.decode(datagram, rows);
    if (!decoded) return decoded.error();
    done = *decoded;
  }
  if (!done) return Error{"the dump never ended"};
  return rows;
}

// --- Recorded answers, against what ss printed at the same moment ---

std::map<std::uint64_t, TcpSocket> by_cookie(const std::vector<TcpSocket>& sockets) {
  std::map<std::uint64_t, TcpSocket> result;
  for (const TcpSocket& socket : sockets) result.emplace(socket.cookie, socket);
  return result;
}

// The rows are those of ss, no more, no fewer, in all that ss shows.
void expect_as_ss_has_it(const std::vector<TcpSocket>& rows, const std::string& ss_file) {
  const auto seen = by_cookie(rows);
  const auto expected = by_cookie(testing::parse_ss(testing::read_recorded_text(ss_file)));
  EXPECT_EQ(seen.size(), rows.size()) << "each cookie once";
  ASSERT_EQ(seen.size(), expected.size());
  for (const auto& [cookie, socket] : expected) {
    ASSERT_TRUE(seen.contains(cookie)) << cookie;
    const TcpSocket& row = seen.at(cookie);
    EXPECT_EQ(row.local, socket.local) << cookie;
    EXPECT_EQ(row.local_port, socket.local_port) << cookie;
    EXPECT_EQ(row.peer, socket.peer) << cookie;
    EXPECT_EQ(row.peer_port, socket.peer_port) << cookie;
    EXPECT_EQ(row.state, socket.state) << cookie;
    EXPECT_EQ(row.receive_queue, socket.receive_queue) << cookie;
    EXPECT_EQ(row.send_queue, socket.send_queue) << cookie;
    EXPECT_EQ(row.inode, socket.inode) << cookie;
    // ss leaves a zero out.
    EXPECT_EQ(row.bytes_received.value_or(0), socket.bytes_received.value_or(0)) << cookie;
  }
}

TEST(RecordedDump, OnePassHoldsWhatSsShows) {
  const auto rows =
      decode_all(testing::read_recorded("one_pass.bin"), {.with_info = true, .sequence = 1});
  ASSERT_TRUE(rows) << rows.error().message;
  expect_as_ss_has_it(*rows, "tcp.ss.txt");
}

TEST(RecordedDump, TwoPassesHoldTheSame) {
  auto rows = decode_all(testing::read_recorded("v4.bin"),
                         {.family = Family::kV4, .with_info = true, .sequence = 2});
  const auto v6 = decode_all(testing::read_recorded("v6.bin"),
                             {.family = Family::kV6, .with_info = true, .sequence = 3});
  ASSERT_TRUE(rows && v6);
  rows->insert(rows->end(), v6->begin(), v6->end());
  expect_as_ss_has_it(*rows, "tcp.ss.txt");
}

TEST(RecordedDump, HoldsEveryStateThatASampleHolds) {
  const auto rows =
      decode_all(testing::read_recorded("one_pass.bin"), {.with_info = true, .sequence = 1});
  ASSERT_TRUE(rows);
  for (const TcpState state :
       {TcpState::kEstablished, TcpState::kSynRecv, TcpState::kFinWait1, TcpState::kCloseWait,
        TcpState::kLastAck, TcpState::kClosing, TcpState::kListen}) {
    EXPECT_TRUE(std::ranges::count(*rows, state, &TcpSocket::state)) << to_string(state);
  }
}

TEST(RecordedDump, TellsIdleTimeOfConnectionsOnly) {
  const auto rows =
      decode_all(testing::read_recorded("one_pass.bin"), {.with_info = true, .sequence = 1});
  ASSERT_TRUE(rows);
  for (const TcpSocket& row : *rows) {
    if (row.state == TcpState::kEstablished) {
      ASSERT_TRUE(row.idle);
      EXPECT_LT(*row.idle, std::chrono::seconds(10)) << "they were just made";
    }
    if (row.state == TcpState::kSynRecv) {
      EXPECT_FALSE(row.idle);
    }
  }
}

TEST(RecordedDump, ListenersAreThoseOfSs) {
  const auto rows = decode_all(testing::read_recorded("listen.bin"),
                               {.states = inet_diag::kListenOnly, .sequence = 4});
  ASSERT_TRUE(rows);
  std::vector<TcpSocket> expected = testing::parse_ss(testing::read_recorded_text("tcp.ss.txt"));
  std::erase_if(expected, [](const TcpSocket& row) { return row.state != TcpState::kListen; });
  EXPECT_EQ(rows->size(), expected.size());
  EXPECT_EQ(make_tcp_table(*rows).listeners.size(), expected.size());
  for (const TcpSocket& row : expected) {
    EXPECT_TRUE(std::ranges::count(*rows, row.cookie, &TcpSocket::cookie));
  }
}

TEST(RecordedDump, UdpIsThatOfSs) {
  DumpRequest request{.protocol = Protocol::kUdp,
                      .family = Family::kV4,
                      .states = inet_diag::kUdpStates,
                      .sequence = 5};
  auto rows = decode_all(testing::read_recorded("udp_v4.bin"), request);
  request.family = Family::kV6;
  request.sequence = 6;
  const auto v6 = decode_all(testing::read_recorded("udp_v6.bin"), request);
  ASSERT_TRUE(rows && v6);
  rows->insert(rows->end(), v6->begin(), v6->end());
  expect_as_ss_has_it(*rows, "udp.ss.txt");
}

TEST(RecordedDestroyEvents, AreTheConnectionsWithoutTheListeners) {
  std::vector<TcpSocket> destroyed;
  for (const auto& datagram : testing::read_recorded("destroyed.bin")) {
    ASSERT_TRUE(inet_diag::decode_destroyed(datagram, destroyed));
  }
  std::vector<TcpSocket> before =
      testing::parse_ss(testing::read_recorded_text("destroyed.ss.txt"));
  std::erase_if(before, [](const TcpSocket& row) { return row.state == TcpState::kListen; });
  ASSERT_THAT(before, SizeIs(6)) << "three connections with two ends each";
  const auto seen = by_cookie(destroyed);
  EXPECT_THAT(destroyed, SizeIs(before.size()));
  int aborted = 0;
  for (const TcpSocket& row : before) {
    ASSERT_TRUE(seen.contains(row.cookie));
    const TcpSocket& event = seen.at(row.cookie);
    EXPECT_EQ(event.local_port, row.local_port);
    EXPECT_EQ(event.peer, row.peer);
    EXPECT_EQ(event.state, TcpState::kClose);
    if (event.peer_port == 0) {
      ++aborted;
      EXPECT_FALSE(event.bytes_received);
      continue;
    }
    EXPECT_EQ(event.local, row.local);
    EXPECT_EQ(event.peer_port, row.peer_port);
    EXPECT_EQ(event.bytes_received.value_or(0), row.bytes_received.value_or(0));
  }
  EXPECT_EQ(aborted, 3);
}

// --- Requests ---

std::uint8_t byte_at(const std::vector<std::byte>& bytes, std::size_t index) {
  return std::to_integer<std::uint8_t>(bytes.at(index));
}

TEST(Encode, OnePassRequestIsTheOlderOne) {
  const auto bytes = inet_diag::encode({.with_info = true, .sequence = 7});
  EXPECT_THAT(bytes, SizeIs(16 + 60)) << "nlmsghdr and inet_diag_req, padded";
  EXPECT_EQ(byte_at(bytes, 4), 18) << "TCPDIAG_GETSOCK";
  EXPECT_EQ(byte_at(bytes, 6), 0x01) << "NLM_F_REQUEST";
  EXPECT_EQ(byte_at(bytes, 7), 0x03) << "NLM_F_DUMP";
  EXPECT_EQ(byte_at(bytes, 8), 7) << "sequence number";
  EXPECT_EQ(byte_at(bytes, 16 + 3), 2) << "the bit of INET_DIAG_INFO";
}

TEST(Encode, TwoPassRequestNamesFamilyAndProtocol) {
  const auto tcp = inet_diag::encode({.family = Family::kV4});
  EXPECT_THAT(tcp, SizeIs(16 + 56));
  EXPECT_EQ(byte_at(tcp, 4), 20) << "SOCK_DIAG_BY_FAMILY";
  EXPECT_EQ(byte_at(tcp, 16), 2) << "AF_INET";
  EXPECT_EQ(byte_at(tcp, 17), 6) << "IPPROTO_TCP";
  EXPECT_EQ(byte_at(tcp, 18), 0) << "no tcp_info";
  const auto udp = inet_diag::encode({.protocol = Protocol::kUdp, .family = Family::kV6});
  EXPECT_EQ(byte_at(udp, 16), 10) << "AF_INET6";
  EXPECT_EQ(byte_at(udp, 17), 17) << "IPPROTO_UDP";
}

TEST(Encode, AsksForTheStatesOfASample) {
  const auto bytes = inet_diag::encode({.family = Family::kV4});
  std::uint32_t states = 0;
  std::memcpy(&states, bytes.data() + 16 + 4, sizeof(states));
  // ESTABLISHED 1, SYN_RECV 3, FIN_WAIT1 4, CLOSE_WAIT 8, LAST_ACK 9, LISTEN 10, CLOSING 11.
  EXPECT_EQ(states, 1U << 1 | 1U << 3 | 1U << 4 | 1U << 8 | 1U << 9 | 1U << 10 | 1U << 11);
}

// --- Rows ---

TcpSocket a_socket() {
  TcpSocket socket;
  socket.cookie = 0x1'0000'0002;
  socket.local = *IpAddress::parse("10.0.0.1");
  socket.peer = *IpAddress::parse("10.0.0.2");
  socket.local_port = 8080;
  socket.peer_port = 40001;
  socket.state = TcpState::kEstablished;
  return socket;
}

std::vector<TcpSocket> decode_row(const TcpSocket& socket, const testing::RowOptions& options,
                                  DumpRequest request = {.sequence = 1}) {
  Datagram datagram;
  append_row(datagram, socket, options);
  append_result(datagram, kDone, 0);
  const auto rows = decode_all({datagram}, request);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? *rows : std::vector<TcpSocket>{};
}

TEST(DumpDecoder, MappedAddressEqualsIpv4) {
  EXPECT_THAT(decode_row(a_socket(), {.mapped = true}), ElementsAre(a_socket()));
  EXPECT_THAT(decode_row(a_socket(), {.mapped = false}), ElementsAre(a_socket()));
}

TEST(DumpDecoder, NewSynRecvIsSynRecv) {
  TcpSocket socket = a_socket();
  socket.state = TcpState::kNewSynRecv;
  const auto rows = decode_row(socket, {});
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].state, TcpState::kSynRecv);
}

TEST(DumpDecoder, ARowThatMovedOnToAStateNotAskedForIsLeftOut) {
  for (const TcpState state :
       {TcpState::kFinWait2, TcpState::kTimeWait, TcpState::kClose, TcpState::kSynSent}) {
    TcpSocket socket = a_socket();
    socket.state = state;
    EXPECT_THAT(decode_row(socket, {}), IsEmpty()) << to_string(state);
  }
}

TEST(DumpDecoder, InfoOfOlderKernelsIsShorter) {
  TcpSocket socket = a_socket();
  socket.idle = std::chrono::milliseconds(1500);
  socket.bytes_received = 77;
  EXPECT_THAT(decode_row(socket, {.info_length = testing::full_info_length()}),
              ElementsAre(socket));
  // Linux 3.x: tcp_info ended with tcpi_total_retrans, 104 bytes.
  socket.bytes_received.reset();
  EXPECT_THAT(decode_row(socket, {.info_length = 104}), ElementsAre(socket));
  socket.idle.reset();
  EXPECT_THAT(decode_row(socket, {.info_length = 8}), ElementsAre(socket));
  EXPECT_THAT(decode_row(socket, {.info_length = 0}), ElementsAre(socket));
  // tcpi_last_data_recv is at 52: one byte less, and it is not there.
  EXPECT_THAT(decode_row(socket, {.info_length = 55}), ElementsAre(socket));
  socket.idle = std::chrono::milliseconds(1500);
  EXPECT_THAT(decode_row(socket, {.info_length = 56}), ElementsAre(socket));
}

TEST(DumpDecoder, InfoLongerThanKnownIsFine) {
  Datagram datagram;
  append_row(datagram, a_socket(), {.info_length = testing::full_info_length()});
  // A newer kernel's tcp_info: the last attribute and the message grow by 16 bytes.
  datagram.resize(datagram.size() + 16);
  const auto length = static_cast<std::uint32_t>(datagram.size());
  std::memcpy(datagram.data(), &length, sizeof(length));
  const std::size_t attribute = 16 + 72 + 8;
  const auto attribute_length = static_cast<std::uint16_t>(length - attribute);
  std::memcpy(datagram.data() + attribute, &attribute_length, sizeof(attribute_length));
  append_result(datagram, kDone, 0);
  const auto rows = decode_all({datagram}, {.sequence = 1});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->at(0).bytes_received, 0U);
}

// --- Whatever is odd is an error ---

struct OddCase {
  std::string name;
  std::function<void(Datagram&)> spoil;  // of a datagram with two rows and DONE
  std::string expected_error;
  DumpRequest request = {.sequence = 1};
};

std::ostream& operator<<(std::ostream& out, const OddCase& odd) { return out << odd.name; }

template <typename T>
std::function<void(Datagram&)> set_at(std::size_t offset, T value) {
  return [offset, value](Datagram& datagram) {
    std::memcpy(datagram.data() + offset, &value, sizeof(value));
  };
}

constexpr std::size_t kRowLength = 16 + 72 + 8;  // nlmsghdr, inet_diag_msg, one small attribute

class OddDump : public ::testing::TestWithParam<OddCase> {};

TEST_P(OddDump, IsAnError) {
  Datagram datagram;
  append_row(datagram, a_socket());
  append_row(datagram, a_socket());
  append_result(datagram, kDone, 0);
  ASSERT_EQ(datagram.size(), 2 * kRowLength + 20);
  GetParam().spoil(datagram);
  const auto rows = decode_all({datagram}, GetParam().request);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr(GetParam().expected_error));
}

const std::size_t kDoneAt = 2 * kRowLength;

INSTANTIATE_TEST_SUITE_P(
    All, OddDump,
    ::testing::Values(
        OddCase{"length below the header's", set_at<std::uint32_t>(0, 15), "does not fit"},
        OddCase{"length beyond the datagram", set_at<std::uint32_t>(kDoneAt, 24), "does not fit"},
        OddCase{"huge length", set_at<std::uint32_t>(0, 0xffffffff), "does not fit"},
        OddCase{"cut inside a header", [](Datagram& d) { d.resize(kDoneAt + 8); },
                "inside its header"},
        OddCase{"cut before the end", [](Datagram& d) { d.resize(kDoneAt); }, "never ended"},
        OddCase{"bytes after the end", [](Datagram& d) { d.resize(d.size() + 4); },
                "more after the end"},
        OddCase{"row after the end", [](Datagram& d) { append_row(d, a_socket()); },
                "more after the end"},
        OddCase{"empty datagram", [](Datagram& d) { d.clear(); }, "empty"},
        OddCase{"sequence number of a row", set_at<std::uint32_t>(8, 2), "sequence number 2"},
        OddCase{"sequence number of the end", set_at<std::uint32_t>(kDoneAt + 8, 9),
                "sequence number 9"},
        OddCase{"interrupted", set_at<std::uint16_t>(6, 0x12), "interrupted"},
        OddCase{"interrupted at the end", set_at<std::uint16_t>(kDoneAt + 6, 0x12), "interrupted"},
        OddCase{"failed at the end", set_at<int>(kDoneAt + 16, -ENOENT), "No such file"},
        OddCase{"positive code at the end", set_at<int>(kDoneAt + 16, 5), "impossible"},
        OddCase{"error", [](Datagram& d) { d.clear(), append_result(d, kError, -EOPNOTSUPP); },
                "Operation not supported"},
        OddCase{"acknowledgement", [](Datagram& d) { d.clear(), append_result(d, kError, 0); },
                "acknowledgement"},
        OddCase{"no-op", set_at<std::uint16_t>(4, kNoop), "unexpected type 1"},
        OddCase{"overrun", set_at<std::uint16_t>(4, kOverrun), "unexpected type 4"},
        OddCase{"row of the other request", set_at<std::uint16_t>(4, 20), "unexpected type 20"},
        OddCase{"end without its code", set_at<std::uint32_t>(kDoneAt, 16), "without its code"},
        OddCase{"row too short", set_at<std::uint32_t>(0, 16 + 68), "only 68 bytes"},
        OddCase{"family", set_at<std::uint8_t>(16, 17), "unknown family 17"},
        OddCase{"state 0", set_at<std::uint8_t>(17, 0), "unknown state 0"},
        OddCase{"state 13", set_at<std::uint8_t>(17, 13), "unknown state 13"},
        OddCase{"no cookie", set_at<std::uint64_t>(16 + 44, 0), "without a cookie"},
        OddCase{"attribute too short", set_at<std::uint16_t>(16 + 72, 3), "attribute of length 3"},
        OddCase{"attribute too long", set_at<std::uint16_t>(16 + 72, 12), "attribute of length 12"},
        OddCase{"length over the next row", set_at<std::uint32_t>(0, 2 * kRowLength), "type 0"},
        OddCase{"length over the end", set_at<std::uint32_t>(kRowLength, kRowLength + 20),
                "type 0"},
        OddCase{"attribute's header cut", set_at<std::uint32_t>(0, 16 + 72 + 2),
                "inside its header"}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
      return name;
    });

TEST(DumpDecoder, AnIpv6RowInAnIpv4DumpIsAnError) {
  Datagram datagram;
  append_row(datagram, a_socket(), {.type = 20, .mapped = true});
  append_result(datagram, kDone, 0);
  EXPECT_FALSE(decode_all({datagram}, {.family = Family::kV4, .sequence = 1}));
  EXPECT_TRUE(decode_all({datagram}, {.family = Family::kV6, .sequence = 1}));
}

TEST(DumpDecoder, NothingMayFollowInALaterDatagram) {
  Datagram end;
  append_result(end, kDone, 0);
  EXPECT_TRUE(decode_all({end}, {.sequence = 1}));
  EXPECT_FALSE(decode_all({end, end}, {.sequence = 1}));
}

// --- Destroy notifications ---

TEST(DecodeDestroyed, LeavesListenersOut) {
  TcpSocket listener = a_socket();
  listener.peer = *IpAddress::parse("0.0.0.0");
  listener.peer_port = 0;
  TcpSocket aborted = a_socket();
  aborted.local = {};
  aborted.peer_port = 0;
  Datagram datagram;
  append_row(datagram, listener, {.type = 20, .sequence = 0});
  append_row(datagram, aborted,
             {.type = 20, .sequence = 0, .info_length = testing::full_info_length()});
  append_row(datagram, a_socket(), {.type = 20, .sequence = 0});
  std::vector<TcpSocket> connections;
  ASSERT_TRUE(inet_diag::decode_destroyed(datagram, connections));
  EXPECT_THAT(connections, ElementsAre(aborted, a_socket()));
}

TEST(DecodeDestroyed, OddOnesAreErrors) {
  std::vector<TcpSocket> connections;
  EXPECT_FALSE(inet_diag::decode_destroyed({}, connections));
  Datagram end;
  append_result(end, kDone, 0);
  EXPECT_FALSE(inet_diag::decode_destroyed(end, connections));
  Datagram row;
  append_row(row, a_socket(), {.type = 20});
  for (std::size_t length = 1; length < row.size(); ++length) {
    EXPECT_FALSE(inet_diag::decode_destroyed(std::span(row).first(length), connections)) << length;
  }
  EXPECT_THAT(connections, IsEmpty());
}

// --- Several rows of one socket ---

TEST(MakeTcpTable, KeepsTheLaterRowOfASocketThatMoved) {
  TcpSocket before = a_socket();
  before.state = TcpState::kSynRecv;
  TcpSocket other = a_socket();
  other.cookie = 5;
  const TcpTable table = make_tcp_table({before, other, a_socket()});
  EXPECT_THAT(table.sockets, ::testing::UnorderedElementsAre(a_socket(), other));
}

TEST(MakeTcpTable, PutsListenersApart) {
  TcpSocket listener = a_socket();
  listener.state = TcpState::kListen;
  listener.cookie = 9;
  const TcpTable table = make_tcp_table({listener, a_socket()});
  EXPECT_THAT(table.sockets, ElementsAre(a_socket()));
  EXPECT_THAT(table.listeners, ElementsAre(Listener{9, a_socket().local, 8080}));
}

}  // namespace
}  // namespace drainbow
