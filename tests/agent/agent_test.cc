// The agent's loop without a network: waiting, hooks, state. Real sockets are in tests/blackbox.
#include "agent/agent.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "agent/api.h"
#include "agent/file_selection.h"
#include "temp_dir.h"

namespace drainbow {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

// Counts a port that nothing uses, so that what else runs on the machine does not matter.
class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    dir_.write("selection", "selected");
    config_.state_dir = dir_.path();
    config_.pod.uid = "uid-1";
    config_.tracker.count.ports = {1};
    config_.tracker.tick = Millis(100);
    config_.prestop = {.at_least = Millis(0), .deadline = Millis(300), .threshold = 0};
  }

  std::unique_ptr<Agent> start() {
    auto agent =
        std::make_unique<Agent>(loop_.get_executor(), config_,
                                std::make_unique<FileSelection>(dir_.file("selection")), log_);
    asio::co_spawn(loop_, agent->run(), rethrow);
    loop_.poll();  // the first tick
    return agent;
  }

  // Runs the loop until the answer to `target` is there.
  http::Response ask(Api& api, const std::string& path,
                     const std::map<std::string, std::string>& query = {}) {
    http::Request request;
    request.path = path;
    request.query = query;
    http::Reply reply = api(request);
    if (auto* ready = std::get_if<http::Response>(&reply)) return std::move(*ready);
    std::optional<http::Response> answer;
    asio::co_spawn(loop_, std::get<1>(std::move(reply)),
                   [&](const std::exception_ptr& failure, http::Response response) {
                     rethrow(failure);
                     answer = std::move(response);
                   });
    while (!answer && loop_.run_one_for(std::chrono::seconds(10)) > 0) {
    }
    return answer.value();
  }

  TempDir dir_;
  AgentConfig config_;
  program::Log log_{"test", program::LogLevel::kError, program::LogFormat::kText};
  asio::io_context loop_;
};

TEST_F(AgentTest, AnswersEachPath) {
  const auto agent = start();
  Api api(*agent);
  EXPECT_THAT(ask(api, "/status").body, HasSubstr(R"("verdict":"selected")"));
  EXPECT_EQ(ask(api, "/drained").status, 503);
  EXPECT_EQ(ask(api, "/healthz").body, "ok\n");
  EXPECT_THAT(ask(api, "/metrics").body, HasSubstr(R"(drainbow_verdict{verdict="selected"} 1)"));
  EXPECT_EQ(ask(api, "/terminating").status, 200);
  EXPECT_EQ(ask(api, "/nothing").status, 404);
}

TEST_F(AgentTest, WaitsForAVerdict) {
  const auto agent = start();
  Api api(*agent);
  EXPECT_EQ(ask(api, "/wait", {{"for", "selected"}, {"timeout", "1h"}}).status, 200);
  EXPECT_EQ(ask(api, "/wait", {{"timeout", "0s"}}).status, 503);
  dir_.write("selection", "deselected");
  // Port 1 has no listener, so the next tick's verdict is `unknown`.
  const http::Response changed = ask(api, "/wait", {{"for", "unknown"}, {"timeout", "1h"}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_THAT(changed.body, HasSubstr("no_listener"));
}

TEST_F(AgentTest, RefusesBadWaits) {
  const auto agent = start();
  Api api(*agent);
  EXPECT_THAT(ask(api, "/wait", {{"for", "gone"}}).body, HasSubstr("'gone' is not selected"));
  EXPECT_EQ(ask(api, "/wait", {{"timeout", "soon"}}).status, 400);
  EXPECT_EQ(ask(api, "/wait", {{"timeout", "2h"}}).status, 400);
  EXPECT_EQ(ask(api, "/wait", {{"until", "drained"}}).status, 400);
}

TEST_F(AgentTest, BoundsLongPolls) {
  const auto agent = start();
  Api api(*agent);
  http::Request request;
  request.path = "/wait";
  request.query = {{"timeout", "1h"}};
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < Api::kMostLongPolls; ++i) {
    http::Reply reply = api(request);
    ASSERT_TRUE(std::holds_alternative<asio::awaitable<http::Response>>(reply));
    asio::co_spawn(loop_, std::get<1>(std::move(reply)),
                   [&](const std::exception_ptr&, const http::Response&) { --waiting; });
    ++waiting;
    loop_.poll();
  }
  EXPECT_EQ(ask(api, "/wait").status, 503);
  EXPECT_EQ(waiting, Api::kMostLongPolls);
  EXPECT_EQ(ask(api, "/healthz").status, 200);
  agent->stop();
  loop_.run();
  EXPECT_EQ(waiting, 0U) << "stopping answers everybody";
}

TEST_F(AgentTest, EndsTheHookAtItsDeadlineWhileTheCountIsUnknown) {
  const auto agent = start();
  Api api(*agent);
  agent->terminating();
  EXPECT_EQ(ask(api, "/prestop").body, "deadline\n");
  EXPECT_EQ(ask(api, "/prestop").body, "deadline\n") << "a repeated hook shares the deadline";
}

TEST_F(AgentTest, RemembersTheDeselectionOverARestart) {
  {
    const auto agent = start();
    dir_.write("selection", "deselected");
    Api api(*agent);
    ask(api, "/wait", {{"for", "unknown"}, {"timeout", "10s"}});
    loop_.run_for(std::chrono::milliseconds(150));  // the tick that saves
    agent->stop();
    loop_.run();
  }
  EXPECT_THAT(dir_.read("state.json"), HasSubstr(R"("ever_selected":true)"));
  loop_.restart();
  const auto again = start();
  EXPECT_THAT(again->answer(false).document, HasSubstr(R"("ever_selected":true)"));
  EXPECT_EQ(again->verdict(), Verdict::kUnknown) << "not standby";
}

TEST_F(AgentTest, IgnoresTheStateOfAnotherPod) {
  dir_.write("state.json",
             R"({"pod_uid":"other","ever_selected":true,"deselected_at":null,"ports":[]})");
  dir_.write("selection", "deselected");
  EXPECT_EQ(start()->verdict(), Verdict::kStandby);
}

TEST_F(AgentTest, GoesOnWithACorruptState) {
  dir_.write("state.json", "{");
  dir_.write("selection", "deselected");
  EXPECT_EQ(start()->verdict(), Verdict::kStandby);
  EXPECT_EQ(dir_.read("state.json.corrupt"), "{");
}

TEST_F(AgentTest, SaysThatStateIsNotSaved) {
  config_.state_dir = dir_.file("absent");
  EXPECT_THAT(start()->answer(false).document, HasSubstr("state_not_saved"));
}

TEST_F(AgentTest, SaysThatLabelsAreUnreadableAndHeals) {
  config_.labels_file = dir_.file("labels");
  const auto agent = start();
  EXPECT_THAT(agent->answer(false).document, HasSubstr("labels_unreadable"));
  dir_.write("labels", "color=\"12e034\"");
  Api api(*agent);
  ask(api, "/wait", {{"timeout", "250ms"}});  // two ticks
  EXPECT_THAT(agent->answer(false).document, HasSubstr(R"("color":"12e034")"));
  EXPECT_THAT(agent->answer(false).document, testing::Not(HasSubstr("labels_unreadable")));
}

}  // namespace
}  // namespace drainbow
