#include "agent/config.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>

namespace drainbow {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Variables = std::map<std::string, std::string>;

// What the program does with a command line, up to the first error.
Result<AgentConfig> configured(std::vector<std::string> flags, const Variables& variables = {}) {
  AgentConfig config;
  std::vector<const char*> argv = {"drainbow-agent"};
  for (const std::string& flag : flags) argv.push_back(flag.c_str());
  const auto environment = [&](const std::string& name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  const Result<program::ParsedArguments> parsed = program::parse_arguments(
      agent_command_line(config), static_cast<int>(argv.size()), argv.data(), environment);
  if (!parsed) return parsed.error();
  const Result<void> checked = check_and_complete(config);
  if (!checked) return checked.error();
  return config;
}

std::string error_of(const std::string& flag) {
  const Result<AgentConfig> result = configured({"--selection=file:/s", flag});
  return result ? "accepted" : result.error().message;
}

TEST(AgentConfig, HasTheDocumentedDefaults) {
  const Result<AgentConfig> config = configured({"--selection=file:/s"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listen.to_string(), "[::]:9911");
  EXPECT_TRUE(config->tracker.count.automatic());
  EXPECT_EQ(config->tracker.quiet_period, Millis(30'000));
  EXPECT_EQ(config->tracker.count.transient_age, Millis(1000));
  EXPECT_EQ(config->tracker.tick, Millis(1000));
  EXPECT_EQ(config->tracker.threshold, 0U);
  EXPECT_EQ(config->prestop.at_least, Millis(10'000));
  EXPECT_EQ(config->prestop.deadline, Millis(25'000));
}

TEST(AgentConfig, ReadsEveryFlag) {
  const Result<AgentConfig> config = configured({"--selection=file:/s",
                                                 "--listen=127.0.0.1:1",
                                                 "--count-ports=8080, 8081",
                                                 "--ignore-ports=9090",
                                                 "--ignore-peers=10.0.0.0/8,fd00::/8",
                                                 "--ignore-loopback",
                                                 "--ignore-udp=443",
                                                 "--accept-proc",
                                                 "--node-ips=10.1.2.3",
                                                 "--pod-name=p",
                                                 "--pod-namespace=n",
                                                 "--pod-uid=u",
                                                 "--threshold=5",
                                                 "--quiet-period=2m",
                                                 "--transient-age=500ms",
                                                 "--tick=200ms",
                                                 "--service-account-dir=/sa",
                                                 "--color-label=release",
                                                 "--labels-file=/l",
                                                 "--state-dir=/d",
                                                 "--prestop-min=1s",
                                                 "--prestop-timeout=1h",
                                                 "--log-level=debug",
                                                 "--log-format=json"});
  ASSERT_TRUE(config) << config.error().message;
  const CountPolicy& count = config->tracker.count;
  EXPECT_THAT(*count.ports, ElementsAre(8080, 8081));
  EXPECT_THAT(count.ignored_ports, ElementsAre(9090));
  EXPECT_EQ(count.ignored_peers.size(), 2U);
  EXPECT_TRUE(count.ignore_loopback);
  EXPECT_THAT(count.ignored_udp_ports, ElementsAre(443));
  EXPECT_TRUE(config->accept_proc);
  EXPECT_EQ(count.node_ips.at(0).to_string(), "10.1.2.3");
  EXPECT_EQ(config->pod.uid, "u");
  EXPECT_EQ(config->tracker.threshold, 5U);
  EXPECT_EQ(config->prestop.threshold, 5U);
  EXPECT_EQ(config->tracker.quiet_period, Millis(120'000));
  EXPECT_EQ(config->service_account_dir, "/sa");
  EXPECT_EQ(config->color_label, "release");
  EXPECT_EQ(config->labels_file, "/l");
  EXPECT_EQ(config->state_dir, "/d");
  EXPECT_EQ(config->log_format, program::LogFormat::kJson);
}

TEST(AgentConfig, ReadsTheEnvironmentAndPrefersTheFlag) {
  const Variables variables = {{"DRAINBOW_SELECTION", "file:/s"}, {"DRAINBOW_QUIET_PERIOD", "7s"}};
  EXPECT_EQ(configured({}, variables)->tracker.quiet_period, Millis(7000));
  EXPECT_EQ(configured({"--quiet-period=8s"}, variables)->tracker.quiet_period, Millis(8000));
}

TEST(AgentConfig, IsNotTouchedByAServiceNamedDrainbow) {
  // Kubernetes puts these into every pod of a namespace with a Service named `drainbow`.
  const Variables variables = {{"DRAINBOW_PORT", "tcp://10.96.0.9:9911"},
                               {"DRAINBOW_SERVICE_HOST", "10.96.0.9"},
                               {"DRAINBOW_SERVICE_PORT", "9911"},
                               {"DRAINBOW_PORT_9911_TCP", "tcp://10.96.0.9:9911"}};
  EXPECT_TRUE(configured({"--selection=file:/s"}, variables));
}

TEST(AgentConfig, SaysWhichFlagWhatItGotAndWhatItAccepts) {
  const std::map<std::string, std::string> expected = {
      {"--listen=x", "--listen: 'x' is not an address and port such as [::]:9911"},
      {"--count-ports=http", "--count-ports: 'http' is neither auto nor a list of ports"},
      {"--count-ports=", "--count-ports: '' is neither auto nor a list of ports"},
      {"--count-ports=0", "--count-ports: '0' is neither auto nor"},
      {"--ignore-ports=65536", "--ignore-ports: '65536' is not a list of ports from 1 to 65535"},
      {"--ignore-peers=10.0.0.1/8", "--ignore-peers: '10.0.0.1/8' is not a list of networks"},
      {"--ignore-udp=some", "--ignore-udp: 'some' is neither all nor a list of ports"},
      {"--node-ips=node1", "--node-ips: 'node1' is not a list of addresses"},
      {"--threshold=-1", "--threshold: '-1' is not a number from 0 to 1000000"},
      {"--quiet-period=30", "--quiet-period: '30' is not a duration such as"},
      {"--quiet-period=0s", "--quiet-period: '0s' is not between 1s and 24h"},
      {"--tick=1h", "--tick: '1h' is not between 100ms and 10s"},
      {"--selection=kube",
       "--selection: 'kube' is not a selection source; accepted are "
       "kubernetes and file:PATH"},
      {"--selection=file:", "--selection: 'file:' is not a selection source"},
      {"--log-level=loud", "--log-level: 'loud' is not one of debug, info, warning, error"},
      {"--log-format=xml", "--log-format: 'xml' is neither text nor json"},
      {"--ignore-loopback=maybe", "--ignore-loopback: 'maybe' is neither true nor false"}};
  for (const auto& [flag, message] : expected) EXPECT_THAT(error_of(flag), StartsWith(message));
}

TEST(AgentConfig, RefusesFlagsThatContradictEachOther) {
  EXPECT_THAT(configured({}).error().message, HasSubstr("--selection: is required"));
  const auto with = [](std::vector<std::string> more) {
    more.emplace_back("--selection=file:/s");
    return configured(std::move(more)).error().message;
  };
  EXPECT_THAT(with({"--count-ports=80,81", "--ignore-ports=81"}),
              HasSubstr("port 81 is also in --ignore-ports"));
  EXPECT_THAT(with({"--count-ports=9911"}), HasSubstr("port 9911 is the agent's own"));
  EXPECT_THAT(with({"--quiet-period=2s", "--transient-age=2001ms"}),
              HasSubstr("shorter than --transient-age"));
  EXPECT_THAT(with({"--prestop-min=30s"}), HasSubstr("longer than --prestop-timeout"));
}

TEST(AgentConfig, WatchesKubernetesOnlyWithWhatThatNeeds) {
  const std::vector<std::string> all = {"--selection=kubernetes", "--pod-namespace=shop",
                                        "--labels-file=/l"};
  const Result<AgentConfig> config = configured(all);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->service_account_dir, "/var/run/secrets/kubernetes.io/serviceaccount");
  EXPECT_EQ(config->color_label, "color");
  EXPECT_THAT(configured({all[0], all[1]}).error().message,
              StartsWith("--labels-file: is required by --selection kubernetes"));
  EXPECT_THAT(configured({all[0], all[2]}).error().message,
              StartsWith("--pod-namespace: is required by --selection kubernetes"));
}

TEST(AgentConfig, HasAHelpTextThatNamesEveryFlagAndVariable) {
  AgentConfig config;
  const program::CommandLine line = agent_command_line(config);
  const std::string help = program::help_text(line);
  for (const program::Option& option : line.options) {
    EXPECT_THAT(help, HasSubstr("--" + option.name));
    EXPECT_FALSE(option.name.ends_with("-port") || option.name.ends_with("-host")) << option.name;
  }
  EXPECT_THAT(help, AllOf(HasSubstr("DRAINBOW_QUIET_PERIOD"), HasSubstr("30s")));
}

}  // namespace
}  // namespace drainbow
