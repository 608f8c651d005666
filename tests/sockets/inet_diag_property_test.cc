// Properties of the decoder over random rows, cuts and damage.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sockets/inet_diag.h"
#include "tests/sockets/row_builder.h"

namespace drainbow {
namespace {

using inet_diag::DumpDecoder;
using testing::Datagram;

IpAddress random_address() {
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = *rc::gen::arbitrary<std::uint8_t>();
  if (*rc::gen::arbitrary<bool>()) return IpAddress::v4(std::span(bytes).first<4>());
  return IpAddress::v6(bytes);
}

TcpSocket random_socket() {
  TcpSocket socket;
  socket.cookie = *rc::gen::nonZero<std::uint64_t>();
  socket.local = random_address();
  socket.peer = random_address();
  socket.local_port = *rc::gen::arbitrary<std::uint16_t>();
  socket.peer_port = *rc::gen::arbitrary<std::uint16_t>();
  socket.state = *rc::gen::element(TcpState::kEstablished, TcpState::kSynRecv, TcpState::kFinWait1,
                                   TcpState::kCloseWait, TcpState::kLastAck, TcpState::kListen,
                                   TcpState::kClosing);
  socket.timer = *rc::gen::arbitrary<std::uint8_t>();
  socket.retransmits = *rc::gen::arbitrary<std::uint8_t>();
  socket.receive_queue = *rc::gen::arbitrary<std::uint32_t>();
  socket.send_queue = *rc::gen::arbitrary<std::uint32_t>();
  socket.inode = *rc::gen::arbitrary<std::uint32_t>();
  return socket;
}

struct RandomDump {
  std::vector<TcpSocket> rows;
  std::vector<Datagram> datagrams;
};

// Random rows with tcp_info of random length, over random datagrams, and the end with the last rows
// or alone.
RandomDump random_dump() {
  RandomDump dump;
  Datagram datagram;
  const int rows = *rc::gen::inRange(0, 20);
  for (int i = 0; i < rows; ++i) {
    TcpSocket socket = random_socket();
    testing::RowOptions options{.mapped = *rc::gen::arbitrary<bool>()};
    if (*rc::gen::arbitrary<bool>()) {
      options.info_length = *rc::gen::element<std::size_t>(0, 56, 104, 136, 232);
      if (*options.info_length >= 56) {
        socket.idle = std::chrono::milliseconds(*rc::gen::inRange(0, 1 << 30));
      }
      if (*options.info_length >= 136) socket.bytes_received = *rc::gen::arbitrary<std::uint64_t>();
    }
    testing::append_row(datagram, socket, options);
    dump.rows.push_back(socket);
    if (*rc::gen::inRange(0, 4) == 0) dump.datagrams.push_back(std::move(datagram)), datagram = {};
  }
  testing::append_result(datagram, 3, 0);
  dump.datagrams.push_back(std::move(datagram));
  return dump;
}

struct Decoded {
  bool failed = false;
  bool complete = false;
  std::vector<TcpSocket> rows;
};

Decoded decode(const std::vector<Datagram>& datagrams) {
  Decoded decoded;
  DumpDecoder decoder({.sequence = 1});
  for (const Datagram& datagram : datagrams) {
    const Result<bool> result = decoder.decode(datagram, decoded.rows);
    if (!result) {
      decoded.failed = true;
      break;
    }
    decoded.complete = *result;
  }
  return decoded;
}

RC_GTEST_PROP(DumpDecoderProperty, GivesBackWhatWasEncoded, ()) {
  const RandomDump dump = random_dump();
  const Decoded decoded = decode(dump.datagrams);
  RC_ASSERT(!decoded.failed);
  RC_ASSERT(decoded.complete);
  RC_ASSERT(decoded.rows == dump.rows);
}

// A dump that was cut anywhere is never taken for a complete one.
RC_GTEST_PROP(DumpDecoderProperty, ACutIsNeverAShorterDump, ()) {
  RandomDump dump = random_dump();
  const auto last = *rc::gen::inRange<std::size_t>(0, dump.datagrams.size());
  dump.datagrams.resize(last + 1);
  Datagram& cut = dump.datagrams.back();
  cut.resize(*rc::gen::inRange<std::size_t>(0, cut.size()));
  const Decoded decoded = decode(dump.datagrams);
  RC_ASSERT(decoded.failed || !decoded.complete);
}

// A lost datagram in the middle cannot be seen in the bytes; a lost last one can.
RC_GTEST_PROP(DumpDecoderProperty, WithoutItsEndItIsNotComplete, ()) {
  RandomDump dump = random_dump();
  dump.datagrams.pop_back();
  RC_ASSERT(!decode(dump.datagrams).complete);
}

// Damage to any length field is an error, or leaves the number of rows as it was.
RC_GTEST_PROP(DumpDecoderProperty, ADamagedLengthNeverHidesARow, ()) {
  RandomDump dump = random_dump();
  Datagram& datagram = dump.datagrams.front();
  std::uint32_t length =
      *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(2 * datagram.size()));
  std::memcpy(datagram.data(), &length, sizeof(length));
  const Decoded decoded = decode(dump.datagrams);
  RC_ASSERT(decoded.failed || !decoded.complete || decoded.rows.size() == dump.rows.size());
}

// Flipping any bit never crashes; and whoever still gets a complete dump has no rows lost except by
// their state, which one bit can turn into one that was not asked for.
RC_GTEST_PROP(DumpDecoderProperty, AFlippedBitNeverCrashes, ()) {
  RandomDump dump = random_dump();
  Datagram& datagram = dump.datagrams[*rc::gen::inRange<std::size_t>(0, dump.datagrams.size())];
  const auto bit = *rc::gen::inRange<std::size_t>(0, datagram.size() * 8);
  datagram[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  const Decoded decoded = decode(dump.datagrams);
  if (!decoded.failed && decoded.complete) RC_ASSERT(decoded.rows.size() + 1 >= dump.rows.size());
}

RC_GTEST_PROP(DumpDecoderProperty, NoiseNeverCrashes, ()) {
  const auto noise = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  Datagram datagram;
  for (const std::uint8_t byte : noise) datagram.push_back(std::byte{byte});
  decode({datagram});
  std::vector<TcpSocket> connections;
  (void)inet_diag::decode_destroyed(datagram, connections);
}

}  // namespace
}  // namespace drainbow
