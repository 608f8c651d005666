#include "agent/api.h"

#include <algorithm>
#include <chrono>

#include "agent/metrics.h"
#include "program/options.h"

namespace drainbow {
namespace {

using boost::asio::awaitable;

constexpr Millis kDefaultWait{30'000};
constexpr Millis kLongestWait{3'600'000};

// One of a bounded number of long polls, for as long as its coroutine lives.
class Place {
 public:
  explicit Place(std::size_t& taken) : taken_(taken) { ++taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { --taken_; }

 private:
  std::size_t& taken_;
};

http::Response text(int status, std::string body) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(body) + "\n",
          .headers = {}};
}

http::Response json(int status, std::string body) {
  return {
      .status = status, .content_type = "application/json", .body = std::move(body), .headers = {}};
}

// 200 when the document says `wanted`.
http::Response answer_whether(Agent& agent, Verdict wanted) {
  Agent::Answer answer = agent.answer(/*with_idle=*/false);
  return json(answer.verdict == wanted ? 200 : 503, std::move(answer.document));
}

std::optional<Verdict> parse_verdict(std::string_view name) {
  const auto* const found =
      std::ranges::find(kAllVerdicts, name, [](Verdict v) { return to_string(v); });
  if (found == std::end(kAllVerdicts)) return std::nullopt;
  return *found;
}

}  // namespace

http::Reply Api::operator()(const http::Request& request) {
  if (request.path == "/drained") return answer_whether(agent_, Verdict::kDrained);
  if (request.path == "/status") return json(200, agent_.answer(/*with_idle=*/true).document);
  if (request.path == "/wait") return wait(request);
  if (request.path == "/prestop") return hook();
  if (request.path == "/terminating") {
    agent_.terminating();
    return text(200, "terminating");
  }
  if (request.path == "/metrics") {
    return http::Response{.status = 200,
                          .content_type = kMetricsContentType,
                          .body = agent_.metrics(),
                          .headers = {}};
  }
  if (request.path == "/healthz") return text(200, "ok");
  return text(404,
              "no such path; there are /drained /status /wait /prestop /terminating /metrics "
              "/healthz");
}

http::Reply Api::wait(const http::Request& request) {
  Verdict wanted = Verdict::kDrained;
  Millis timeout = kDefaultWait;
  for (const auto& [name, value] : request.query) {
    if (name == "for") {
      const std::optional<Verdict> parsed = parse_verdict(value);
      if (!parsed) {
        return text(400, "for: '" + value.substr(0, 40) +
                             "' is not selected, unknown, standby, draining or drained");
      }
      wanted = *parsed;
    } else if (name == "timeout") {
      const Result<void> set = program::duration(timeout, Millis(0), kLongestWait)(value);
      if (!set) return text(400, "timeout: '" + value.substr(0, 40) + "' " + set.error().message);
    } else {
      return text(400,
                  "'" + name.substr(0, 40) + "' is not a parameter of /wait; for and timeout are");
    }
  }
  if (long_polls_ >= most_long_polls_) return text(503, "too many long polls; try again later");
  return long_poll(wanted, std::chrono::steady_clock::now() + timeout);
}

awaitable<http::Response> Api::long_poll(Verdict wanted, TimePoint deadline) {
  const Place place(long_polls_);
  co_await agent_.wait_for(wanted, deadline);
  co_return answer_whether(agent_, wanted);
}

awaitable<http::Response> Api::hook() {
  const std::optional<PrestopOutcome> outcome = co_await agent_.prestop();
  co_return text(200, std::string(outcome ? to_string(*outcome) : "the agent ends"));
}

}  // namespace drainbow
