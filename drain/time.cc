#include "drain/time.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace drainbow {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

// The number written in exactly these digits, or -1.
int digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// ".123Z" or "Z" after the seconds.
bool is_utc_tail(std::string_view text) {
  if (text.empty() || text.back() != 'Z') return false;
  text.remove_suffix(1);
  if (text.empty()) return true;
  return text.size() > 1 && text.front() == '.' &&
         text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

}  // namespace

std::string to_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const Error malformed{"'" + std::string(text.substr(0, 64)) +
                        "' is not a UTC time such as 2026-11-21T08:41:00Z"};
  if (text.size() < 20 || text.size() > 40) return malformed;
  for (const auto& [at, mark] : {std::pair(4, '-'), {7, '-'}, {10, 'T'}, {13, ':'}, {16, ':'}}) {
    if (text[static_cast<std::size_t>(at)] != mark) return malformed;
  }
  const int year = digits(text.substr(0, 4));
  const int month = digits(text.substr(5, 2));
  const int day = digits(text.substr(8, 2));
  const int hour = digits(text.substr(11, 2));
  const int minute = digits(text.substr(14, 2));
  const int second = digits(text.substr(17, 2));
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return malformed;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return malformed;
  if (!is_utc_tail(text.substr(19))) return malformed;
  return WallTime(sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace drainbow
