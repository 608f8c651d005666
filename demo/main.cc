// color-server: the demo's app. It shows its release's color over HTTP and prints it over TCP.

#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "demo/built_in_color.h"
#include "demo/color.h"
#include "demo/line_server.h"
#include "demo/metrics.h"
#include "demo/page.h"
#include "http/server.h"
#include "program/log.h"
#include "program/open_files.h"
#include "program/options.h"
#include "program/version.h"

namespace drainbow::demo {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kHttpClients = 1024;
constexpr unsigned kOtherDescriptors = 64;  // listeners, standard streams, metrics clients

struct Settings {
  Endpoint http_listen{.address = {}, .port = 8080};
  Endpoint line_listen{.address = {}, .port = 8081};
  Endpoint metrics_listen{.address = {}, .port = 9090};
  Color color;
  std::string pod_name;
  std::uint32_t max_sessions = 20000;
  program::LogFormat log_format = program::LogFormat::kText;
};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// A setter that stores what parse makes of the text.
template <typename T>
program::Setter parsed_by(Result<T> (*parse)(std::string_view), T& target) {
  return [parse, &target](std::string_view text) -> Result<void> {
    Result<T> value = parse(text);
    if (!value) return value.error();
    target = *value;
    return {};
  };
}

program::CommandLine command_line(Settings& settings) {
  program::CommandLine line;
  line.program = "color-server";
  line.summary =
      "The demo's app: shows the color of its release over HTTP, and prints it over TCP at once "
      "and every 5 seconds.";
  line.options = {
      {"http-listen", "ADDRESS:PORT", "Where HTTP shows the color.", "[::]:8080",
       parsed_by(http::parse_listen_address, settings.http_listen)},
      {"line-listen", "ADDRESS:PORT", "Where TCP prints the color.", "[::]:8081",
       parsed_by(http::parse_listen_address, settings.line_listen)},
      {"metrics-listen", "ADDRESS:PORT", "Where Prometheus finds /metrics.", "[::]:9090",
       parsed_by(http::parse_listen_address, settings.metrics_listen)},
      {"color", "RRGGBB", "The color, six hex digits.",
       std::string(kBuiltInColor) + ", from the commit that was built",
       parsed_by(Color::parse, settings.color)},
      {"pod-name", "NAME", "The name that the page shows.", "the host's name",
       program::text(settings.pod_name)},
      {"max-sessions", "N", "Most TCP sessions at a time; over it the newest is closed at once.",
       "20000", program::number(settings.max_sessions, 1, 1'000'000)},
      {"log-format", "text|json", "How to log.", "text",
       parsed_by(program::parse_log_format, settings.log_format)},
  };
  return line;
}

int fail(program::Log& log, const Error& error) {
  log.error(error.message);
  return 1;
}

int run(const Settings& settings) {
  program::Log log("color-server", program::LogLevel::kInfo, settings.log_format);
  // Where that is not to be had, clients wait to be accepted.
  program::raise_open_files(settings.max_sessions + kHttpClients + kOtherDescriptors);

  asio::io_context loop(1);
  asio::signal_set signals(loop, SIGTERM, SIGINT);

  LineLimits line_limits;
  line_limits.sessions = settings.max_sessions;
  const auto lines = LineServer::listen(
      loop.get_executor(), settings.line_listen, color_line(settings.color), line_limits,
      [&log](const std::string& reason) { log.warning("accepting failed", {{"reason", reason}}); });
  if (!lines) return fail(log, lines.error());

  std::map<int, std::uint64_t> http_requests;
  auto http = http::Server::listen(loop.get_executor(), settings.http_listen,
                                   [&](const http::Request& request) -> http::Reply {
                                     http::Response response =
                                         answer(request, settings.color, settings.pod_name);
                                     ++http_requests[response.status];
                                     return response;
                                   },
                                   {.clients = kHttpClients});
  if (!http) return fail(log, http.error());

  auto metrics =
      http::Server::listen(loop.get_executor(), settings.metrics_listen,
                           [&](const http::Request& request) -> http::Reply {
                             return answer_metrics(request, {.color = settings.color,
                                                             .line_sessions = (*lines)->sessions(),
                                                             .lines = (*lines)->counts(),
                                                             .http_requests = http_requests});
                           });
  if (!metrics) return fail(log, metrics.error());

  (*lines)->start();
  signals.async_wait([&](const boost::system::error_code&, int signal) {
    log.info("stopping", {{"signal", std::to_string(signal)},
                          {"sessions", std::to_string((*lines)->sessions())}});
    http->stop();
    metrics->stop();
    asio::co_spawn(loop, (*lines)->stop(), asio::detached);
  });
  log.info("color-server is up", {{"color", settings.color.hex()},
                                  {"version", kVersion},
                                  {"http", http->bound_to().to_string()},
                                  {"lines", (*lines)->bound_to().to_string()},
                                  {"metrics", metrics->bound_to().to_string()}});
  loop.run();
  return 0;
}

int parse_and_run(int argc, char** argv) {
  Settings settings;
  settings.color = *Color::parse(kBuiltInColor);
  settings.pod_name = host_name();
  const program::CommandLine line = command_line(settings);
  const auto arguments = program::parse_arguments(
      line, argc, argv, [](const std::string& name) { return std::getenv(name.c_str()); });
  if (!arguments) {
    std::fprintf(stderr, "color-server: %s\n", arguments.error().message.c_str());
    return 2;
  }
  if (arguments->help) {
    std::fputs(program::help_text(line).c_str(), stdout);
    return 0;
  }
  if (arguments->version) {
    std::printf("color-server %s, color %s\n", kVersion, kBuiltInColor);
    return 0;
  }
  return run(settings);
}

}  // namespace
}  // namespace drainbow::demo

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the server
  return drainbow::demo::parse_and_run(argc, argv);
}
