#include "agent/config.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>

namespace drainbow {
namespace {

using program::Setter;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The non-empty parts between commas, blanks around them dropped.
std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

Result<std::set<std::uint16_t>> parse_ports(std::string_view text) {
  std::set<std::uint16_t> ports;
  for (const std::string_view part : split_list(text)) {
    std::uint16_t port = 0;
    const char* const last = part.data() + part.size();
    const auto [end, failure] = std::from_chars(part.data(), last, port);
    if (failure != std::errc() || end != last || port == 0) {
      return Error{"is not a list of ports from 1 to 65535 such as 8080,8081"};
    }
    ports.insert(port);
  }
  return ports;
}

Setter port_list(std::set<std::uint16_t>& target) {
  return [&target](std::string_view text) -> Result<void> {
    Result<std::set<std::uint16_t>> ports = parse_ports(text);
    if (!ports) return ports.error();
    target = std::move(*ports);
    return {};
  };
}

Setter counted_ports(std::optional<std::set<std::uint16_t>>& target) {
  return [&target](std::string_view text) -> Result<void> {
    target.reset();
    if (text == "auto") return {};
    Result<std::set<std::uint16_t>> ports = parse_ports(text);
    if (!ports || ports->empty()) {
      return Error{"is neither auto nor a list of ports from 1 to 65535 such as 8080,8081"};
    }
    target = std::move(*ports);
    return {};
  };
}

Setter ignored_udp(CountPolicy& policy) {
  return [&policy](std::string_view text) -> Result<void> {
    policy.ignore_all_udp = text == "all";
    policy.ignored_udp_ports.clear();
    if (policy.ignore_all_udp) return {};
    Result<std::set<std::uint16_t>> ports = parse_ports(text);
    if (!ports) return Error{"is neither all nor a list of ports from 1 to 65535 such as 443,3478"};
    policy.ignored_udp_ports = std::move(*ports);
    return {};
  };
}

Setter networks(std::vector<Cidr>& target) {
  return [&target](std::string_view text) -> Result<void> {
    target.clear();
    for (const std::string_view part : split_list(text)) {
      const Result<Cidr> network = Cidr::parse(part);
      if (!network) return Error{"is not a list of networks: " + network.error().message};
      target.push_back(*network);
    }
    return {};
  };
}

Setter addresses(std::vector<IpAddress>& target) {
  return [&target](std::string_view text) -> Result<void> {
    target.clear();
    for (const std::string_view part : split_list(text)) {
      const Result<IpAddress> address = IpAddress::parse(part);
      if (!address) return Error{"is not a list of addresses: " + address.error().message};
      target.push_back(*address);
    }
    return {};
  };
}

Setter listen_address(Endpoint& target) {
  return [&target](std::string_view text) -> Result<void> {
    const Result<Endpoint> parsed = http::parse_listen_address(text);
    if (!parsed) return parsed.error();
    target = *parsed;
    return {};
  };
}

Setter threshold(std::uint64_t& target) {
  return [&target](std::string_view text) -> Result<void> {
    std::uint32_t value = 0;
    const Result<void> set = program::number(value, 0, 1'000'000)(text);
    if (set) target = value;
    return set;
  };
}

Setter selection_source(std::string& target) {
  return [&target](std::string_view text) -> Result<void> {
    const bool file = text.starts_with(kFileSelection) && text != kFileSelection;
    if (!file && text != kKubernetesSelection) {
      return Error{"is not a selection source; accepted are kubernetes and file:PATH"};
    }
    target = text;
    return {};
  };
}

Setter log_level(program::LogLevel& target) {
  return [&target](std::string_view text) -> Result<void> {
    const Result<program::LogLevel> parsed = program::parse_log_level(text);
    if (!parsed) return parsed.error();
    target = *parsed;
    return {};
  };
}

Setter log_format(program::LogFormat& target) {
  return [&target](std::string_view text) -> Result<void> {
    const Result<program::LogFormat> parsed = program::parse_log_format(text);
    if (!parsed) return parsed.error();
    target = *parsed;
    return {};
  };
}

}  // namespace

program::CommandLine agent_command_line(AgentConfig& config) {
  CountPolicy& count = config.tracker.count;
  program::CommandLine line;
  line.program = "drainbow-agent";
  line.summary =
      "Counts the pod's inbound TCP connections, watches whether it is still selected, and tells\n"
      "when it is drained: as JSON and Prometheus metrics over HTTP.";
  line.epilog =
      "Lists are separated by commas. Durations are numbers with ms, s, m, h or d.\n"
      "Example, without a cluster:\n"
      "  echo selected > /tmp/selection\n"
      "  drainbow-agent --selection file:/tmp/selection --count-ports 8080,8081\n"
      "  curl -s localhost:9911/status";
  line.options = {
      {"listen", "ADDRESS", "Where to answer.", "[::]:9911", listen_address(config.listen)},
      {"count-ports", "PORTS",
       "Ports whose connections count; auto is every port with a listener in the pod.", "auto",
       counted_ports(count.ports)},
      {"ignore-ports", "PORTS", "Ports whose connections never count, such as metrics ports.",
       "none", port_list(count.ignored_ports)},
      {"ignore-peers", "NETWORKS", "Peers whose connections never count, such as 10.0.3.0/24.",
       "none", networks(count.ignored_peers)},
      {"ignore-loopback", "",
       "With listed --count-ports: do not count connections from inside the pod (auto never does).",
       "false", program::flag(count.ignore_loopback)},
      {"ignore-udp", "all|PORTS", "UDP ports whose unseen sessions do not matter.", "none",
       ignored_udp(count)},
      {"accept-proc", "",
       "Where only /proc/net/tcp can be read and hides connections (gVisor): trust it all the "
       "same.",
       "false", program::flag(config.accept_proc)},
      {"node-ips", "ADDRESSES",
       "The node's addresses (status.hostIPs): short connections from there are taken for probes.",
       "none besides the default gateway", addresses(count.node_ips)},
      {"pod-name", "NAME", "The pod's name, for the document.", "", program::text(config.pod.name)},
      {"pod-namespace", "NAME", "The pod's namespace.", "",
       program::text(config.pod.namespace_name)},
      {"pod-uid", "UID", "The pod's uid: state of another uid is ignored.", "",
       program::text(config.pod.uid)},
      {"threshold", "NUMBER", "So many open connections are as good as none.", "0",
       threshold(config.tracker.threshold)},
      {"quiet-period", "DURATION", "How long no new connection must have come before `drained`.",
       "30s", program::duration(config.tracker.quiet_period, seconds(1), hours(24))},
      {"transient-age", "DURATION", "Younger connections are reported, not counted.", "1s",
       program::duration(count.transient_age, milliseconds(0), minutes(1))},
      {"tick", "DURATION", "How often to count.", "1s",
       program::duration(config.tracker.tick, milliseconds(100), seconds(10))},
      {"selection", "SOURCE",
       "Where to see whether the pod is selected: kubernetes, the Services of its namespace; or "
       "file:PATH, a file that holds `selected` or `deselected`.",
       "kubernetes in a pod", selection_source(config.selection)},
      {"service-account-dir", "PATH",
       "With --selection kubernetes: where the API server's ca.crt and a token for it are.",
       config.service_account_dir, program::text(config.service_account_dir)},
      {"color-label", "KEY", "The label that tells colors apart.", config.color_label,
       program::text(config.color_label)},
      {"labels-file", "PATH", "The pod's labels, from the downward API.", "none",
       program::text(config.labels_file)},
      {"state-dir", "PATH", "Where to remember the deselection over a restart (an emptyDir).",
       "none", program::text(config.state_dir)},
      {"prestop-min", "DURATION", "/prestop returns no sooner: nodes still send new connections.",
       "10s", program::duration(config.prestop.at_least, milliseconds(0), hours(24))},
      {"prestop-timeout", "DURATION",
       "/prestop returns no later: less than the pod's grace period.", "25s",
       program::duration(config.prestop.deadline, milliseconds(0), hours(24))},
      {"log-level", "LEVEL", "debug, info, warning or error.", "info", log_level(config.log_level)},
      {"log-format", "FORMAT", "text or json.", "text", log_format(config.log_format)},
  };
  return line;
}

Result<void> check_and_complete(AgentConfig& config) {
  const CountPolicy& count = config.tracker.count;
  if (config.selection.empty()) {
    return Error{"--selection: is required outside a pod; accepted are kubernetes and file:PATH"};
  }
  if (config.selection == kKubernetesSelection) {
    const std::string needed = ": is required by --selection kubernetes, from the downward API (";
    if (config.pod.namespace_name.empty()) {
      return Error{"--pod-namespace" + needed + "metadata.namespace)"};
    }
    if (config.labels_file.empty()) {
      return Error{"--labels-file" + needed + "a volume's file of metadata.labels)"};
    }
  }
  // A connection that is not old enough to count must not be too old for the quiet clock.
  if (config.tracker.quiet_period < count.transient_age) {
    return Error{"--quiet-period: is shorter than --transient-age"};
  }
  if (config.prestop.at_least > config.prestop.deadline) {
    return Error{"--prestop-min: is longer than --prestop-timeout"};
  }
  for (const std::uint16_t port : count.ports.value_or(std::set<std::uint16_t>())) {
    const std::string name = "--count-ports: port " + std::to_string(port);
    if (count.ignored_ports.contains(port)) return Error{name + " is also in --ignore-ports"};
    if (port == config.listen.port) return Error{name + " is the agent's own (--listen)"};
  }
  config.prestop.threshold = config.tracker.threshold;
  return {};
}

}  // namespace drainbow
