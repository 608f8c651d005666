// Logging of the programs: spdlog behind one small door. One line an event, to standard error.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drain/result.h"

namespace drainbow::program {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

Result<LogLevel> parse_log_level(std::string_view text);    // debug|info|warning|error
Result<LogFormat> parse_log_format(std::string_view text);  // text|json

// A key with a value, such as {"open", "12"}; JSON puts each in a field of its own.
using LogField = std::pair<std::string_view, std::string>;

class Log {
 public:
  Log(std::string_view program, LogLevel level, LogFormat format);

  void debug(std::string_view message, const std::vector<LogField>& fields = {});
  void info(std::string_view message, const std::vector<LogField>& fields = {});
  void warning(std::string_view message, const std::vector<LogField>& fields = {});
  void error(std::string_view message, const std::vector<LogField>& fields = {});

 private:
  void write(LogLevel level, std::string_view message, const std::vector<LogField>& fields);

  LogFormat format_;
  std::shared_ptr<void> logger_;  // spdlog::logger
};

}  // namespace drainbow::program
