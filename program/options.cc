#include "program/options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string>

namespace drainbow::program {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kHelpWidth = 80;

// The text of each flag that was given, by the option's name; of a repeated flag the last one.
using GivenFlags = std::map<std::string, std::string>;

std::string environment_name(const CommandLine& line, const std::string& option) {
  std::string name = line.env_prefix;
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

// Takes the arguments apart: flags into the result, everything else into `parsed`.
Result<GivenFlags> split(const CommandLine& line, int argc, const char* const* argv,
                         ParsedArguments& parsed) {
  GivenFlags given;
  bool flags_ended = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool is_flag = !flags_ended && argument.starts_with('-');
    if (argument == "--" && !flags_ended) {
      flags_ended = true;
    } else if (!is_flag && line.positional.empty()) {
      return Error{"'" + argument + "' is not a flag; see --help"};
    } else if (!is_flag) {
      parsed.positional.push_back(argument);
    } else if (argument == "--help") {
      parsed.help = true;
    } else if (argument == "--version") {
      parsed.version = true;
    } else {
      const std::size_t equals = argument.find('=');
      const std::string flag = argument.substr(0, equals);
      const auto option = std::ranges::find_if(
          line.options, [&flag](const Option& candidate) { return "--" + candidate.name == flag; });
      if (option == line.options.end()) return Error{"unknown flag '" + argument + "'; see --help"};
      if (equals != std::string::npos) {
        given[option->name] = argument.substr(equals + 1);
      } else if (option->placeholder.empty()) {
        given[option->name] = "true";
      } else if (i + 1 < argc && !std::string_view(argv[i + 1]).starts_with("--")) {
        given[option->name] = argv[++i];
      } else {
        return Error{"needs a value: " + option->placeholder}.wrap(flag);
      }
    }
  }
  return given;
}

Result<void> apply(const Option& option, const std::string& shown_name, const std::string& value) {
  const Result<void> set = option.set(value);
  if (!set) return Error{"'" + value + "' " + set.error().message}.wrap(shown_name);
  return {};
}

// The words of `text` in lines of at most kHelpWidth columns, each after `indent` spaces.
std::string wrapped(const std::string& text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string lines;
  std::string line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > kHelpWidth) {
      lines += margin + line + '\n';
      line.clear();
    }
    line += line.empty() ? word : ' ' + word;
  }
  return lines + margin + line + '\n';
}

std::string described(const CommandLine& line, const Option& option) {
  std::string text = "  --" + option.name;
  if (!option.placeholder.empty()) text += " " + option.placeholder;
  std::string sources = "env: " + environment_name(line, option.name);
  if (!option.default_text.empty()) sources = "default: " + option.default_text + "; " + sources;
  return text + "\n" + wrapped(option.help, 6) + wrapped("[" + sources + "]", 6);
}

struct Unit {
  std::string_view suffix;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", 24 * 60 * 60 * 1000}}};

std::string show(milliseconds value) {
  for (const auto& unit : {kUnits[3], kUnits[2], kUnits[1]}) {
    if (value.count() != 0 && value.count() % unit.milliseconds == 0) {
      return std::to_string(value.count() / unit.milliseconds) + std::string(unit.suffix);
    }
  }
  return std::to_string(value.count()) + "ms";
}

// "90s" in milliseconds; nothing for anything else.
std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t amount = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (failure != std::errc() || amount < 0) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    if (amount > std::numeric_limits<std::int64_t>::max() / unit.milliseconds) return std::nullopt;
    return milliseconds(amount * unit.milliseconds);
  }
  return std::nullopt;
}

}  // namespace

Result<ParsedArguments> parse_arguments(const CommandLine& line, int argc, const char* const* argv,
                                        const Environment& environment) {
  ParsedArguments parsed;
  const Result<GivenFlags> given = split(line, argc, argv, parsed);
  if (!given) return given.error();
  if (parsed.help || parsed.version) return parsed;
  for (const Option& option : line.options) {
    const std::string variable = environment_name(line, option.name);
    const auto flag = given->find(option.name);
    Result<void> set;
    if (flag != given->end()) {
      set = apply(option, "--" + option.name, flag->second);
    } else if (const char* value = environment(variable); value != nullptr) {
      set = apply(option, variable, value);
    }
    if (!set) return set.error();
  }
  return parsed;
}

std::string help_text(const CommandLine& line) {
  std::string text = wrapped(line.summary, 0) + "\nUsage: " + line.program + " [OPTIONS]";
  if (!line.positional.empty()) text += " " + line.positional;
  text += "\n\nOptions, as flags or from the environment; the flag wins:\n";
  for (const Option& option : line.options) text += described(line, option);
  text += "  --help\n      Print this and exit.\n  --version\n      Print the version and exit.\n";
  if (!line.epilog.empty()) text += "\n" + line.epilog + "\n";
  return text;
}

Setter text(std::string& target) {
  return [&target](std::string_view value) -> Result<void> {
    target = value;
    return {};
  };
}

Setter flag(bool& target) {
  return [&target](std::string_view value) -> Result<void> {
    const bool yes = value == "true" || value == "1" || value == "yes";
    if (!yes && value != "false" && value != "0" && value != "no") {
      return Error{"is neither true nor false"};
    }
    target = yes;
    return {};
  };
}

Setter duration(milliseconds& target, milliseconds least, milliseconds most) {
  return [&target, least, most](std::string_view value) -> Result<void> {
    const std::optional<milliseconds> parsed = parse_duration(value);
    if (!parsed) return Error{"is not a duration such as 500ms, 30s, 5m or 1h"};
    if (*parsed < least || *parsed > most) {
      return Error{"is not between " + show(least) + " and " + show(most)};
    }
    target = *parsed;
    return {};
  };
}

Setter number(std::uint32_t& target, std::uint32_t least, std::uint32_t most) {
  return [&target, least, most](std::string_view value) -> Result<void> {
    std::uint32_t parsed = 0;
    const char* const last = value.data() + value.size();
    const auto [end, failure] = std::from_chars(value.data(), last, parsed);
    if (failure != std::errc() || end != last || parsed < least || parsed > most) {
      return Error{"is not a number from " + std::to_string(least) + " to " + std::to_string(most)};
    }
    target = parsed;
    return {};
  };
}

}  // namespace drainbow::program
