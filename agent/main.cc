// drainbow-agent: counts the pod's connections, watches its selection, answers "drained?".

#include <malloc.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/config.h"
#include "agent/file_selection.h"
#include "agent/files.h"
#include "agent/kubernetes_selection.h"
#include "http/server.h"
#include "kube/api_server.h"
#include "program/log.h"
#include "program/open_files.h"
#include "program/options.h"
#include "program/version.h"

namespace drainbow {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
// Kept free of clients, so that these cannot keep the agent from counting.
constexpr std::size_t kOtherFiles = 32;

// A service account's token and the CA to know the API server by, as the kubelet mounts them.
constexpr std::size_t kMostTokenBytes = 64 * 1024;
constexpr std::size_t kMostAuthorityBytes = 1024 * 1024;

const char* environment(const std::string& name) { return std::getenv(name.c_str()); }

Result<kube::ApiServer> api_server(const std::string& service_account) {
  Result<kube::ApiServer> server = kube::api_server_from_environment(environment);
  if (!server) return server;
  server->token = [path = service_account + "/token"] { return read_file(path, kMostTokenBytes); };
  server->authority = [path = service_account + "/ca.crt"] {
    return read_file(path, kMostAuthorityBytes);
  };
  return server;
}

// What the flags and the environment say, whole and not contradicting itself.
Result<void> check(AgentConfig& config) {
  Result<void> checked = check_and_complete(config);
  if (!checked || config.selection != kKubernetesSelection) return checked;
  const Result<kube::ApiServer> server = api_server(config.service_account_dir);
  if (!server) return server.error().wrap("--selection kubernetes");
  return {};
}

std::unique_ptr<SelectionSource> selection_source(const boost::asio::any_io_executor& executor,
                                                  const AgentConfig& config) {
  if (config.selection != kKubernetesSelection) {
    return std::make_unique<FileSelection>(config.selection.substr(kFileSelection.size()));
  }
  return std::make_unique<KubernetesSelection>(executor, *api_server(config.service_account_dir),
                                               config.pod.namespace_name, config.color_label);
}

int run(AgentConfig config) {
  program::Log log("drainbow-agent", config.log_level, config.log_format);
  boost::asio::io_context loop(1);

  // The handler is bound before the agent is there, so that a port in use ends the program before
  // anything else has happened, and --listen with port 0 is known as the agent's own.
  std::unique_ptr<Api> api;
  http::Limits limits;
  const std::size_t files = program::raise_open_files(limits.clients + kOtherFiles);
  limits.clients =
      std::clamp<std::size_t>(files, kOtherFiles + 8, limits.clients + kOtherFiles) - kOtherFiles;
  Result<http::Server> server = http::Server::listen(
      loop.get_executor(), config.listen,
      [&api](const http::Request& request) { return (*api)(request); }, limits);
  if (!server) {
    log.error(server.error().message);
    return kExitFailure;
  }
  config.tracker.count.agent_ports = {server->bound_to().port};

  Agent agent(loop.get_executor(), config, selection_source(loop.get_executor(), config), log);
  api = std::make_unique<Api>(agent, std::min(Api::kMostLongPolls, limits.clients / 4));
  log.info("listening", {{"address", server->bound_to().to_string()}, {"version", kVersion}});
  // A tick that throws is a defect: rather no agent, which kubelet restarts, than one that stands
  // still.
  boost::asio::co_spawn(loop, agent.run(), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });

  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int signal) {
    log.info("ending", {{"signal", std::to_string(signal)}});
    agent.stop();
    server->stop();
  });
  loop.run();
  return EXIT_SUCCESS;
}

int parse_and_run(int argc, char** argv) {
  AgentConfig config;
  if (environment("KUBERNETES_SERVICE_HOST") != nullptr) config.selection = kKubernetesSelection;
  const program::CommandLine line = agent_command_line(config);
  const Result<program::ParsedArguments> parsed =
      program::parse_arguments(line, argc, argv, environment);
  if (parsed && parsed->help) {
    std::fputs(program::help_text(line).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (parsed && parsed->version) {
    std::printf("drainbow-agent %s\n", kVersion);
    return EXIT_SUCCESS;
  }
  const Result<void> checked = parsed ? check(config) : Result<void>(parsed.error());
  if (!checked) {
    std::fprintf(stderr, "drainbow-agent: %s\n", checked.error().message.c_str());
    return kExitUsage;
  }
  return run(std::move(config));
}

}  // namespace
}  // namespace drainbow

int main(int argc, char** argv) {
  // Samples are large and short-lived. glibc would raise this threshold with the first one, keep
  // the next ones in its heap, and never give that back (mallopt(3)).
  mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the agent
  return drainbow::parse_and_run(argc, argv);
}
