// The line server over real loopback sockets. Clients and server share one event loop, and every
// test waits for events, never for time to pass.

#include "demo/line_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <exception>
#include <string>
#include <tuple>
#include <vector>

namespace drainbow::demo {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);
constexpr char kLine[] = "The color is #a1b2c3\n";
// Longer than every buffer on its way: its writing stalls until the client reads.
constexpr std::size_t kHugeLine = 1 << 20;

constexpr std::size_t kClients = 5000;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DRAINBOW_SANITIZED
#endif
#endif

constexpr LineLimits kPatient{.interval = 1h, .stall_time = 1h};

// How a connection ended (asio::error::eof for a FIN), and what came before.
using End = std::tuple<error_code, std::string>;

class Client {
 public:
  explicit Client(tcp::socket connected) : socket(std::move(connected)) {}

  // The next line, or what came before the end.
  awaitable<std::string> next_line() {
    const auto [error, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(received_), '\n', kAsValue);
    const std::size_t length = error ? received_.size() : size;
    std::string line = received_.substr(0, length);
    received_.erase(0, length);
    co_return line;
  }

  awaitable<End> end() {
    const auto [error, size] =
        co_await asio::async_read(socket, asio::dynamic_buffer(received_), kAsValue);
    co_return End(error, received_);
  }

  awaitable<void> close_at_the_servers_end() {
    co_await end();
    socket.close();
  }

  tcp::socket socket;

 private:
  std::string received_;
};

class LineServerTest : public testing::Test {
 public:
  void start(LineLimits limits, std::string line = kLine, const char* address = "127.0.0.1:0") {
    auto listening = LineServer::listen(
        loop.get_executor(), *http::parse_listen_address(address), std::move(line), limits,
        [this](const std::string& reason) { accept_errors.push_back(reason); });
    ASSERT_TRUE(listening) << listening.error().message;
    server = *std::move(listening);
    server->start();
  }

  // Runs the loop until the story has ended.
  void tell(awaitable<void> (*story)(LineServerTest*)) {
    bool ended = false;
    asio::co_spawn(loop, story(this), [this, &ended](std::exception_ptr thrown) {
      ended = true;
      loop.stop();
      if (thrown) std::rethrow_exception(thrown);
    });
    loop.restart();
    loop.run_for(60s);
    ASSERT_TRUE(ended) << "the story got stuck";
  }

  tcp::endpoint endpoint() const {
    return {asio::ip::address_v4::loopback(), server->bound_to().port};
  }

  awaitable<Client> connect() {
    tcp::socket socket(loop, tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    co_await socket.async_connect(endpoint(), asio::use_awaitable);
    co_return Client(std::move(socket));
  }

  // These let the loop do everything else until what they wait for has come.
  awaitable<void> until_sessions(std::size_t number) {
    while (server->sessions() != number) co_await asio::post(loop, asio::use_awaitable);
  }

  awaitable<void> until_accept_error() {
    while (accept_errors.empty()) co_await asio::post(loop, asio::use_awaitable);
  }

  asio::io_context loop{1};
  std::unique_ptr<LineServer> server;
  std::vector<std::string> accept_errors;
};

TEST_F(LineServerTest, PrintsALineAtOnceAndThenEachInterval) {
  start({.interval = 20ms});
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await client.next_line(), kLine);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2 * 20ms - 1ms);
    EXPECT_EQ(test->server->sessions(), 1U);
    EXPECT_EQ(test->server->counts().sessions_total, 1U);
    EXPECT_GE(test->server->counts().lines_sent_total, 3U);
  });
}

TEST_F(LineServerTest, ServesFiveThousandAtOnce) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 2 * kClients + 100) GTEST_SKIP() << "too few open files are allowed";
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  start(kPatient);
  tell([](LineServerTest* test) -> awaitable<void> {
    std::deque<Client> clients;
    for (std::size_t i = 0; i < kClients; ++i) clients.push_back(co_await test->connect());
    for (Client& client : clients) EXPECT_EQ(co_await client.next_line(), kLine);
    EXPECT_EQ(test->server->sessions(), kClients);
    clients.clear();
    co_await test->until_sessions(0);
  });
}

TEST_F(LineServerTest, NoticesAClientThatClosesAtOnce) {
  start(kPatient);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    EXPECT_EQ(co_await client.next_line(), kLine);
    client.socket.close();
    co_await test->until_sessions(0);  // an hour before the next line
  });
}

TEST_F(LineServerTest, NoticesAClientThatResets) {
  start(kPatient);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    EXPECT_EQ(co_await client.next_line(), kLine);
    client.socket.set_option(asio::socket_base::linger(true, 0));
    client.socket.close();
    co_await test->until_sessions(0);
  });
}

TEST_F(LineServerTest, KeepsWritingToAHalfClosedClient) {
  start({.interval = 5ms});
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    client.socket.shutdown(tcp::socket::shutdown_send);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await client.next_line(), kLine);
    EXPECT_EQ(test->server->sessions(), 1U);
    client.socket.close();
    co_await test->until_sessions(0);
  });
}

TEST_F(LineServerTest, ReadsAndDropsWhatClientsSay) {
  start({.interval = 5ms});
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    const std::string talk(1 << 20, 'x');
    co_await asio::async_write(client.socket, asio::buffer(talk), asio::use_awaitable);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await client.next_line(), kLine);
    EXPECT_EQ(test->server->sessions(), 1U);
  });
}

TEST_F(LineServerTest, StopsReadingAClientThatSaysTooMuch) {
  LineLimits limits = kPatient;
  limits.input_bytes = 4096;
  start(limits);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    client.socket.non_blocking(true);
    const std::string talk(1 << 20, 'x');
    // Until the kernel's buffers are full, for good: nobody reads. A turn of the loop in between
    // lets the server read as much as it wants.
    std::size_t taken = 0;
    for (int full_in_a_row = 0; full_in_a_row < 100;) {
      error_code error;
      taken += client.socket.write_some(asio::buffer(talk), error);
      full_in_a_row = error == asio::error::would_block ? full_in_a_row + 1 : 0;
      co_await asio::post(test->loop, asio::use_awaitable);
    }
    EXPECT_LT(taken, std::size_t{64} << 20);
    Client other = co_await test->connect();
    EXPECT_EQ(co_await other.next_line(), kLine);
  });
}

TEST_F(LineServerTest, GivesUpAClientThatNeverReads) {
  LineLimits limits = kPatient;
  limits.stall_time = 50ms;
  start(limits, std::string(kHugeLine, 'x') + '\n');
  tell([](LineServerTest* test) -> awaitable<void> {
    const Client client = co_await test->connect();
    co_await test->until_sessions(1);
    co_await test->until_sessions(0);
    EXPECT_EQ(test->server->counts().lines_sent_total, 0U);
  });
}

TEST_F(LineServerTest, WaitsForAClientThatReadsLate) {
  start(kPatient, std::string(kHugeLine, 'x') + '\n');
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    co_await test->until_sessions(1);
    const std::string line = co_await client.next_line();
    EXPECT_EQ(line.size(), kHugeLine + 1);
  });
}

TEST_F(LineServerTest, ClosesTheNewestWhenFull) {
  LineLimits limits{.interval = 5ms};
  limits.sessions = 1;
  start(limits);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client first = co_await test->connect();
    EXPECT_EQ(co_await first.next_line(), kLine);
    Client second = co_await test->connect();
    EXPECT_EQ(co_await second.end(), End(asio::error::eof, ""));
    EXPECT_EQ(test->server->counts().refused_total, 1U);
    EXPECT_EQ(test->server->counts().sessions_total, 1U);
    EXPECT_EQ(co_await first.next_line(), kLine);
    first.socket.close();
    co_await test->until_sessions(0);
    Client third = co_await test->connect();
    EXPECT_EQ(co_await third.next_line(), kLine);
  });
}

TEST_F(LineServerTest, StopEndsWithAFinAfterTheLastWholeLine) {
  start(kPatient);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client silent = co_await test->connect();
    Client talkative = co_await test->connect();
    Client half_closed = co_await test->connect();
    half_closed.socket.shutdown(tcp::socket::shutdown_send);
    co_await test->until_sessions(3);
    const std::string talk(1 << 20, 'x');  // more than is read in one interval
    co_await asio::async_write(talkative.socket, asio::buffer(talk), asio::use_awaitable);
    asio::co_spawn(test->loop, test->server->stop(), asio::detached);
    EXPECT_EQ(co_await silent.end(), End(asio::error::eof, kLine));
    EXPECT_EQ(co_await talkative.end(), End(asio::error::eof, kLine));
    const auto [error, lines] = co_await half_closed.end();
    EXPECT_EQ(error, asio::error::eof);
    EXPECT_EQ(lines, std::string(kLine) + kLine);
  });
}

TEST_F(LineServerTest, StopWaitsForItsClientsToClose) {
  LineLimits limits = kPatient;
  limits.stop_time = 1h;
  start(limits);
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    EXPECT_EQ(co_await client.next_line(), kLine);
    asio::co_spawn(test->loop, client.close_at_the_servers_end(), asio::detached);
    co_await test->server->stop();
    EXPECT_EQ(test->server->sessions(), 0U);
  });
}

TEST_F(LineServerTest, StopDoesNotWaitForEver) {
  LineLimits limits = kPatient;
  limits.stop_time = 20ms;
  start(limits, std::string(kHugeLine, 'x') + '\n');
  tell([](LineServerTest* test) -> awaitable<void> {
    const Client never_reads = co_await test->connect();
    co_await test->until_sessions(1);
    co_await test->server->stop();
    EXPECT_EQ(test->server->sessions(), 0U);
  });
}

TEST_F(LineServerTest, StopWithoutClientsIsImmediate) {
  LineLimits limits = kPatient;
  limits.stop_time = 1h;
  start(limits);
  tell([](LineServerTest* test) -> awaitable<void> { co_await test->server->stop(); });
}

// Only without sanitizers: UBSan's check of a virtual call opens a pipe to probe the object's
// memory, and takes its failure for a bad object.
#ifndef DRAINBOW_SANITIZED
TEST_F(LineServerTest, OutlivesAShortageOfFileDescriptors) {
  start(kPatient);
  tell([](LineServerTest* test) -> awaitable<void> {
    rlimit before{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    Client client(tcp::socket(test->loop, tcp::v4()));
    const int next = ::dup(client.socket.native_handle());
    ::close(next);
    rlimit shortage = before;
    shortage.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &shortage), 0);
    co_await client.socket.async_connect(test->endpoint(), asio::use_awaitable);
    co_await test->until_accept_error();
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(co_await client.next_line(), kLine);
    EXPECT_EQ(test->accept_errors, std::vector<std::string>{"Too many open files"});
    EXPECT_GE(test->server->counts().accept_errors_total, 1U);
  });
}
#endif

TEST_F(LineServerTest, TheWildcardAddressServesIpv4Too) {
  start(kPatient, kLine, "[::]:0");
  tell([](LineServerTest* test) -> awaitable<void> {
    Client client = co_await test->connect();
    EXPECT_EQ(co_await client.next_line(), kLine);
  });
}

TEST_F(LineServerTest, APortInUseIsAnErrorThatNamesIt) {
  start(kPatient);
  const auto second = LineServer::listen(loop.get_executor(), server->bound_to(), kLine, kPatient,
                                         [](const std::string&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "listening on " + server->bound_to().to_string() + ": Address already in use");
}

}  // namespace
}  // namespace drainbow::demo
