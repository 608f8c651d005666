// Command line and environment of the programs: long flags, each with an environment variable of
// its name (--quiet-period, DRAINBOW_QUIET_PERIOD); the flag wins. Written as --name=value,
// --name value, or --name for a switch. The meaning of each value is a Setter's, so that every
// error names flag, value and what is accepted.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drain/result.h"

namespace drainbow::program {

// Takes the text of a value. Its error says what is accepted; the caller adds flag and value.
using Setter = std::function<Result<void>(std::string_view text)>;

struct Option {
  std::string name;          // "quiet-period"
  std::string placeholder;   // "DURATION"; empty for a switch, whose setter gets "true" or "false"
  std::string help;          // one sentence; the default is added from default_text
  std::string default_text;  // shown in --help, never parsed
  Setter set;
};

struct CommandLine {
  std::string program;  // "drainbow-agent"
  std::string summary;  // what it is for, first lines of --help
  std::string epilog;   // examples, exit codes: last lines of --help
  std::string
      positional;  // how positional arguments are shown, such as "drained|wait|status"; empty: none
  std::string env_prefix = "DRAINBOW_";
  std::vector<Option> options;
};

struct ParsedArguments {
  bool help = false;     // --help was given: print help_text() and exit 0
  bool version = false;  // --version
  std::vector<std::string> positional;
};

// Environment lookup; a test passes its own. Returns nullptr when the variable is not set.
using Environment = std::function<const char*(const std::string& name)>;

// Sets each option from its flag, else from its variable, else not at all. The first bad one is the
// error: "--quiet-period: '30 parsecs' is not a duration such as 500ms, 30s, 5m or 1h". With --help
// or --version nothing is set.
Result<ParsedArguments> parse_arguments(const CommandLine& line, int argc, const char* const* argv,
                                        const Environment& environment);

std::string help_text(const CommandLine& line);

// Setters for the usual kinds. Each stores into its target, which must outlive the parse.
Setter text(std::string& target);
Setter flag(bool& target);  // true|false|1|0|yes|no
Setter duration(std::chrono::milliseconds& target, std::chrono::milliseconds least,
                std::chrono::milliseconds most);
Setter number(std::uint32_t& target, std::uint32_t least, std::uint32_t most);

}  // namespace drainbow::program
