// drainbow-probe: asks the agent of its own pod whether the pod is drained. For exec hooks and
// probes: the exit code is the answer, one line tells it to people.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "probes/answer.h"
#include "probes/http_client.h"
#include "program/options.h"
#include "program/version.h"

namespace drainbow {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// The agent's answer to a long poll may come this much after the time it was given.
constexpr milliseconds kWaitMargin = 2s;

// What the agent accepts for a long poll.
constexpr milliseconds kLongestTimeout = 1h;

struct Settings {
  Question question = Question::kDrained;
  std::vector<Endpoint> agents;  // the next is tried when one refuses
  std::optional<milliseconds> timeout;
  bool json = false;
};

std::vector<Endpoint> default_agents() {
  return {*Endpoint::parse("127.0.0.1:9911"), *Endpoint::parse("[::1]:9911")};
}

program::Setter agent_setter(std::vector<Endpoint>& agents) {
  return [&agents](std::string_view text) -> Result<void> {
    const Result<Endpoint> agent = Endpoint::parse(text);
    if (!agent) return agent.error();
    if (agent->port == 0) return Error{"has port 0; accepted are 1 to 65535"};
    agents = {*agent};
    return {};
  };
}

program::Setter timeout_setter(std::optional<milliseconds>& timeout) {
  return [&timeout](std::string_view text) -> Result<void> {
    milliseconds value{};
    const Result<void> set = program::duration(value, 1ms, kLongestTimeout)(text);
    if (set) timeout = value;
    return set;
  };
}

program::CommandLine command_line(Settings& settings) {
  program::CommandLine line;
  line.program = "drainbow-probe";
  line.summary = "Asks the drainbow-agent of this pod whether the pod is drained.";
  line.positional = "drained|wait|status";
  line.options = {
      {"agent", "ADDRESS:PORT", "Where the agent listens, as a numeric address.",
       "127.0.0.1:9911, and [::1]:9911 if refused there", agent_setter(settings.agents)},
      {"timeout", "DURATION", "How long to wait for the answer, or for 'wait' in all.",
       "2s, 30s for 'wait'", timeout_setter(settings.timeout)},
      {"json", "", "Print the agent's verdict document as it came.", "",
       program::flag(settings.json)},
  };
  line.epilog =
      "Commands:\n"
      "  drained  is the pod drained now?\n"
      "  wait     wait until it is, for --timeout at most\n"
      "  status   how does it stand?\n"
      "\n"
      "Exit codes: 0 drained, 1 not drained, 2 usage, 3 unknown or no answer.";
  return line;
}

std::optional<Question> parse_question(const std::vector<std::string>& positional) {
  if (positional.size() != 1) return std::nullopt;
  if (positional[0] == "drained") return Question::kDrained;
  if (positional[0] == "wait") return Question::kWait;
  if (positional[0] == "status") return Question::kStatus;
  return std::nullopt;
}

std::string target_of(Question question, milliseconds timeout) {
  if (question == Question::kDrained) return "/drained";
  if (question == Question::kStatus) return "/status";
  return "/wait?for=drained&timeout=" + std::to_string(timeout.count()) + "ms";
}

Result<std::string> fetch(const Settings& settings) {
  const bool wait = settings.question == Question::kWait;
  const milliseconds timeout = settings.timeout.value_or(wait ? 30s : 2s);
  const std::string target = target_of(settings.question, timeout);
  std::string refusals;
  for (const Endpoint& agent : settings.agents) {
    Result<Fetched> fetched = http_get(agent, target, timeout + (wait ? kWaitMargin : 0ms));
    if (!fetched) return fetched.error().wrap("agent at " + agent.to_string());
    if (!fetched->refused) return std::move(fetched->bytes);
    refusals += (refusals.empty() ? "" : " or ") + agent.to_string();
  }
  return Error{"no agent listens at " + refusals};
}

int fail(const Error& error, int code) {
  std::fprintf(stderr, "drainbow-probe: %s\n", error.message.c_str());
  return code;
}

int ask(const Settings& settings) {
  const Result<std::string> bytes = fetch(settings);
  if (!bytes) return fail(bytes.error(), kExitUnknown);
  const Result<HttpResponse> response = parse_response(*bytes);
  if (!response) return fail(response.error(), kExitUnknown);
  const Result<Answer> answer = understand(settings.question, *response);
  if (!answer) return fail(answer.error(), kExitUnknown);
  const std::string_view shown = settings.json ? response->body : answer->line;
  std::printf("%.*s\n", static_cast<int>(shown.size()), shown.data());
  return exit_code(answer->verdict);
}

int parse_and_run(int argc, char** argv) {
  Settings settings;
  settings.agents = default_agents();
  const program::CommandLine line = command_line(settings);
  const auto arguments = program::parse_arguments(
      line, argc, argv, [](const std::string& name) { return std::getenv(name.c_str()); });
  if (!arguments) return fail(arguments.error(), kExitUsage);
  if (arguments->help) {
    std::fputs(program::help_text(line).c_str(), stdout);
    return 0;
  }
  if (arguments->version) {
    std::printf("drainbow-probe %s\n", kVersion);
    return 0;
  }
  const std::optional<Question> question = parse_question(arguments->positional);
  if (!question) {
    return fail(Error{"give one of the commands drained, wait and status; see --help"}, kExitUsage);
  }
  settings.question = *question;
  return ask(settings);
}

}  // namespace
}  // namespace drainbow

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // the exit code counts, even if nobody reads the line
  return drainbow::parse_and_run(argc, argv);
}
