#include "program/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "program/utf8.h"

namespace drainbow::program {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// The inside of a JSON string (RFC 8259, 7) that is also harmless on a terminal and in one line: no
// control character (C0, DEL, C1) and nothing that is not UTF-8 remains.
std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const bool c1 = length == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
    const auto code = static_cast<unsigned char>(text[c1 ? 1 : 0]);
    if (length == 0) {
      result += "\xef\xbf\xbd";  // U+FFFD, the replacement character
    } else if (c1 || code < 0x20 || code == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(code));
      result += escape.data();
    } else {
      if (code == '"' || code == '\\') result += '\\';
      result += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string in_quotes(std::string_view text) { return '"' + escaped(text) + '"'; }

std::string as_json(std::string_view message, const std::vector<LogField>& fields) {
  std::string line = "\"message\":" + in_quotes(message);
  for (const auto& [key, value] : fields) line += "," + in_quotes(key) + ":" + in_quotes(value);
  return line;
}

// Quotes where a value could be taken for more than one, or for another field.
std::string text_value(std::string_view value) {
  const std::string inside = escaped(value);
  const bool plain =
      !value.empty() && inside == value && value.find_first_of(" =") == std::string_view::npos;
  return plain ? inside : '"' + inside + '"';
}

std::string as_text(std::string_view message, const std::vector<LogField>& fields) {
  std::string line = escaped(message);
  for (const auto& [key, value] : fields) line += " " + escaped(key) + "=" + text_value(value);
  return line;
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return Error{"is not one of debug, info, warning, error"};
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Error{"is neither text nor json"};
}

Log::Log(std::string_view program, LogLevel level, LogFormat format) : format_(format) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
  auto logger = std::make_shared<spdlog::logger>(std::string(program), sink);
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::debug);
  if (format == LogFormat::kJson) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n",%v})",
                        spdlog::pattern_time_type::utc);
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  }
  logger_ = std::move(logger);
}

void Log::debug(std::string_view message, const std::vector<LogField>& fields) {
  write(LogLevel::kDebug, message, fields);
}

void Log::info(std::string_view message, const std::vector<LogField>& fields) {
  write(LogLevel::kInfo, message, fields);
}

void Log::warning(std::string_view message, const std::vector<LogField>& fields) {
  write(LogLevel::kWarning, message, fields);
}

void Log::error(std::string_view message, const std::vector<LogField>& fields) {
  write(LogLevel::kError, message, fields);
}

void Log::write(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  auto* logger = static_cast<spdlog::logger*>(logger_.get());
  if (!logger->should_log(to_spdlog(level))) return;
  const std::string line =
      format_ == LogFormat::kJson ? as_json(message, fields) : as_text(message, fields);
  logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace drainbow::program
