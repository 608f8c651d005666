#include "probes/answer.h"

#include <boost/json.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace drainbow {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxLine = 1000;
constexpr double kLongestAge = 100.0 * 365 * 24 * 3600;  // seconds; longer is no age

// What the probe needs of the verdict document.
struct Document {
  Verdict verdict = Verdict::kUnknown;
  std::vector<Reason> reasons;
  std::optional<Millis> oldest_age;
};

Error malformed(std::string_view what) {
  return Error{"the answer is not a verdict document: " + std::string(what)};
}

// The answer goes to a terminal or a log, whatever the other side put in: no control characters.
std::string printable(std::string_view text) {
  std::string line(text.substr(0, kMaxLine));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > kMaxLine) line += "...";
  return line;
}

std::optional<Verdict> parse_verdict(std::string_view name) {
  for (const Verdict verdict : kAllVerdicts) {
    if (name == to_string(verdict)) return verdict;
  }
  return std::nullopt;
}

const json::string* string_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_string();
}

Result<std::vector<Reason>> parse_reasons(const json::object& document) {
  const json::value* list = document.if_contains("reasons");
  if (list == nullptr || !list->is_array()) return malformed("'reasons' is not a list");
  std::vector<Reason> reasons;
  for (const json::value& item : list->get_array()) {
    const json::object* reason = item.if_object();
    const json::string* code = reason == nullptr ? nullptr : string_in(*reason, "code");
    const json::string* message = reason == nullptr ? nullptr : string_in(*reason, "message");
    if (code == nullptr || message == nullptr) {
      return malformed("a reason lacks its code or message");
    }
    reasons.push_back({std::string(*code), std::string(*message)});
  }
  return reasons;
}

// connections.oldest_age, in seconds; absent or null where there is none.
Result<std::optional<Millis>> parse_oldest_age(const json::object& document) {
  using Age = std::optional<Millis>;
  const json::value* connections = document.if_contains("connections");
  if (connections == nullptr || connections->is_null()) return Age();
  if (!connections->is_object()) return malformed("'connections' is not an object");
  const json::value* age = connections->get_object().if_contains("oldest_age");
  if (age == nullptr || age->is_null()) return Age();
  boost::system::error_code error;
  const auto seconds = age->to_number<double>(error);
  if (error || !(seconds >= 0) || seconds > kLongestAge) {
    return malformed("'oldest_age' is not a number of seconds");
  }
  return Age(std::chrono::floor<Millis>(std::chrono::duration<double>(seconds)));
}

Result<Document> parse_document(std::string_view text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error) return malformed(error.message());
  if (!parsed.is_object()) return malformed("not a JSON object");
  const json::object& object = parsed.get_object();

  const json::string* name = string_in(object, "verdict");
  if (name == nullptr) return malformed("no 'verdict'");
  const std::optional<Verdict> verdict = parse_verdict(*name);
  if (!verdict) return malformed("verdict '" + printable(*name) + "' is not known");
  Result<std::vector<Reason>> reasons = parse_reasons(object);
  if (!reasons) return reasons.error();
  const Result<std::optional<Millis>> oldest_age = parse_oldest_age(object);
  if (!oldest_age) return oldest_age.error();
  return Document{*verdict, *std::move(reasons), *oldest_age};
}

// "draining: 3 open connections on port 8081 (3), oldest 2 h 10 min; quiet for 12 s of 30 s"
std::string line_for(const Document& document) {
  std::string line(to_string(document.verdict));
  const char* separator = ": ";
  for (const Reason& reason : document.reasons) {
    line += separator + reason.message;
    if (reason.code == "open_connections" && document.oldest_age) {
      line += ", oldest " + for_people(*document.oldest_age);
    }
    separator = "; ";
  }
  return printable(line);
}

// /status is always 200; the others are 200 when drained, else 503.
bool fits(Question question, int status, Verdict verdict) {
  if (question == Question::kStatus) return status == 200;
  return status == (verdict == Verdict::kDrained ? 200 : 503);
}

}  // namespace

Result<Answer> understand(Question question, const HttpResponse& response) {
  const std::string status = "status " + std::to_string(response.status);
  const bool verdict_follows =
      response.status == 200 || (response.status == 503 && response.body.starts_with('{'));
  if (!verdict_follows) {
    const std::string_view first_line = response.body.substr(0, response.body.find('\n'));
    return Error{"the agent refused with " + status + ": " + printable(first_line)};
  }
  const Result<Document> document = parse_document(response.body);
  if (!document) return document.error();
  if (!fits(question, response.status, document->verdict)) {
    return Error{"the answer contradicts itself: " + status + ", but the verdict is " +
                 std::string(to_string(document->verdict))};
  }
  return Answer{document->verdict, line_for(*document)};
}

int exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDrained:
      return kExitDrained;
    case Verdict::kSelected:
    case Verdict::kStandby:
    case Verdict::kDraining:
      return kExitNotDrained;
    case Verdict::kUnknown:
      return kExitUnknown;
  }
  return kExitUnknown;
}

}  // namespace drainbow
