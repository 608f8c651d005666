// The agent's options, read from flags and environment into plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drain/drain_tracker.h"
#include "drain/prestop_hook.h"
#include "drain/result.h"
#include "http/server.h"
#include "program/log.h"
#include "program/options.h"

namespace drainbow {

struct PodIdentity {
  std::string name;
  std::string namespace_name;
  std::string uid;
};

struct AgentConfig {
  Endpoint listen{.address = {}, .port = 9911};
  TrackerConfig tracker;
  PrestopConfig prestop;
  PodIdentity pod;
  bool accept_proc = false;
  std::string selection;  // "kubernetes" or "file:PATH"
  std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string color_label = "color";
  std::string labels_file;  // empty: none
  std::string state_dir;    // empty: nothing survives a restart
  program::LogLevel log_level = program::LogLevel::kInfo;
  program::LogFormat log_format = program::LogFormat::kText;
};

inline constexpr std::string_view kKubernetesSelection = "kubernetes";
inline constexpr std::string_view kFileSelection = "file:";

// The flags, bound to `config`, which must outlive the parse.
program::CommandLine agent_command_line(AgentConfig& config);

// What no single flag can tell: required ones, and ones that contradict each other.
Result<void> check_and_complete(AgentConfig& config);

}  // namespace drainbow
