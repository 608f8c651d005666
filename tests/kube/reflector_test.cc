#include "kube/reflector.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/http/event_loop.h"
#include "tests/kube/scripted_api_server.h"

namespace drainbow::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using Then = ScriptedApiServer::Then;

const std::string kCollection = "/api/v1/namespaces/shop/services";

std::string service(const std::string& name, const std::string& version, const std::string& color) {
  return R"({"kind":"Service","metadata":{"name":")" + name + R"(","resourceVersion":")" + version +
         R"("},"spec":{"selector":{"color":")" + color + R"("}}})";
}

std::string list(const std::string& items, const std::string& version = "10",
                 const std::string& next = "") {
  return R"({"kind":"ServiceList","metadata":{"resourceVersion":")" + version +
         R"(","continue":")" + next + R"("},"items":[)" + items + "]}";
}

std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string bookmark(const std::string& version) {
  return event("BOOKMARK",
               R"({"kind":"Service","metadata":{"resourceVersion":")" + version + R"("}})");
}

std::string refusal(int code, const std::string& headers = "") {
  const std::string body = R"({"kind":"Status","reason":"Because","message":"I said so","code":)" +
                           std::to_string(code) + "}";
  return "HTTP/1.1 " + std::to_string(code) +
         " No\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

// Long enough never to matter on a slow machine, or short where a test waits for them.
ReflectorLimits quick() {
  return {.answer = Millis(10'000),
          .page = Millis(10'000),
          .silence = Millis(10'000),
          .first_retry = Millis(1),
          .last_retry = Millis(2)};
}

class ReflectorTest : public ::testing::Test {
 protected:
  static const Identity& identity() {
    static const Identity kMade = make_identity("IP:127.0.0.1");
    return kMade;
  }

  ServiceReflector& start(ApiServer access, const ReflectorLimits& limits = quick()) {
    reflector_.emplace(loop_.executor(), std::move(access), "shop", limits);
    boost::asio::co_spawn(
        loop_.context(), reflector_->run(),
        [this](const std::exception_ptr& failure) { ended_ = true, failure_ = failure; });
    return *reflector_;
  }
  ServiceReflector& start(const ReflectorLimits& limits = quick()) {
    return start(server_.access(), limits);
  }

  void wait_for_requests(std::size_t count) {
    loop_.run_until([&] { return server_.requests().size() >= count; });
  }
  void wait_for_generation(std::uint64_t generation) {
    loop_.run_until([&] { return reflector_->generation() >= generation; });
  }
  std::string problem() const {
    return reflector_->health().problem(std::chrono::steady_clock::now());
  }
  void wait_for_problem(const std::string& text) {
    loop_.run_until([&] { return problem().find(text) != std::string::npos; });
  }
  std::string color_of(const std::string& name) const {
    return reflector_->services()->at(name).selector.at("color");
  }

  void TearDown() override {
    if (!reflector_) return;
    reflector_->stop();
    loop_.run_until([this] { return ended_; });
    EXPECT_FALSE(failure_);
  }

  http::EventLoop loop_;
  ScriptedApiServer server_{loop_.executor(), identity()};
  std::optional<ServiceReflector> reflector_;
  bool ended_ = false;
  std::exception_ptr failure_;
};

TEST_F(ReflectorTest, ListsThenWatchesFromThere) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch();
  start();
  EXPECT_FALSE(reflector_->services());
  wait_for_requests(2);
  EXPECT_EQ(color_of("web"), "aaaaaa");
  EXPECT_EQ(server_.targets()[0], kCollection + "?limit=500");
  EXPECT_THAT(server_.targets()[1],
              MatchesRegex(kCollection + ".watch=true&allowWatchBookmarks=true&"
                                         "resourceVersion=10&timeoutSeconds=[345][0-9][0-9]"));
  EXPECT_THAT(server_.requests()[1], HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_TRUE(reflector_->health().proven_at());
  EXPECT_EQ(problem(), "");
}

TEST_F(ReflectorTest, ListsInPages) {
  server_.answer_json(list(service("a", "1", "aaaaaa"), "10", "to/ken="));
  server_.answer_json(list(service("b", "2", "aaaaaa"), "10"));
  server_.answer_watch();
  start();
  wait_for_requests(3);
  EXPECT_EQ(server_.targets()[1], kCollection + "?limit=500&continue=to%2Fken%3D");
  EXPECT_THAT(*reflector_->services(), SizeIs(2));
  EXPECT_EQ(reflector_->generation(), 1U);
}

TEST_F(ReflectorTest, BeginsAnewWhenAPageHasExpired) {
  server_.answer_json(list(service("gone", "1", "aaaaaa"), "10", "token"));
  server_.answer(refusal(410));
  server_.answer_json(list(service("a", "1", "aaaaaa")));
  server_.answer_watch();
  start();
  wait_for_requests(4);
  EXPECT_EQ(server_.targets()[2], kCollection + "?limit=500");
  EXPECT_THAT(*reflector_->services(), SizeIs(1));
  EXPECT_TRUE(reflector_->services()->contains("a"));
}

TEST_F(ReflectorTest, AppliesChanges) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch(event("MODIFIED", service("web", "11", "bbbbbb")));
  start();
  wait_for_generation(2);
  EXPECT_EQ(color_of("web"), "bbbbbb");
  server_.send_event(event("ADDED", service("api", "12", "cccccc")) +
                     event("DELETED", service("web", "13", "bbbbbb")));
  wait_for_generation(4);
  EXPECT_THAT(*reflector_->services(), SizeIs(1));
  EXPECT_EQ(color_of("api"), "cccccc");
}

TEST_F(ReflectorTest, TakesAnEventThatComesInPieces) {
  const std::string text = event("MODIFIED", service("web", "11", "bbbbbb"));
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch(text.substr(0, 40));
  start();
  wait_for_requests(2);
  server_.send_event(text.substr(40));
  wait_for_generation(2);
  EXPECT_EQ(color_of("web"), "bbbbbb");
}

TEST_F(ReflectorTest, ResumesFromTheLastVersionThatItSaw) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch(event("MODIFIED", service("web", "11", "bbbbbb")));
  server_.answer_watch(bookmark("29"));
  server_.answer_watch();
  start();
  wait_for_generation(2);
  server_.close_watch();
  wait_for_requests(3);
  EXPECT_THAT(server_.targets()[2], HasSubstr("&resourceVersion=11&"));
  // The bookmark ends the catching up.
  loop_.run_until([this] { return problem().empty(); });
  server_.break_watch();
  wait_for_requests(4);
  EXPECT_THAT(server_.targets()[3], HasSubstr("&resourceVersion=29&"));
  EXPECT_EQ(reflector_->generation(), 2U);
  loop_.run_until([this] { return reflector_->restarts() == 2; });
}

TEST_F(ReflectorTest, ListsAnewWhenItsVersionIsTooOld) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch(event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})"));
  server_.answer_json(list(service("web", "3", "bbbbbb"), "50"));
  server_.answer(refusal(410));
  server_.answer_json(list(service("web", "3", "cccccc"), "60"));
  server_.answer_watch();
  start();
  wait_for_requests(6);
  EXPECT_EQ(server_.targets()[2], kCollection + "?limit=500");
  EXPECT_EQ(server_.targets()[4], kCollection + "?limit=500");
  EXPECT_THAT(server_.targets()[5], HasSubstr("resourceVersion=60"));
  EXPECT_EQ(color_of("web"), "cccccc");
}

TEST_F(ReflectorTest, DoesNotWatchFromAListThatWasCutShort) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch(event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})"));
  server_.answer_json(list(service("web", "3", "bbbbbb"), "50", "more"));
  server_.answer(refusal(503));
  server_.answer_json(list(service("web", "3", "cccccc"), "60"));
  server_.answer_watch();
  start();
  wait_for_requests(6);
  EXPECT_EQ(server_.targets()[4], kCollection + "?limit=500");
  EXPECT_THAT(server_.targets()[5], HasSubstr("resourceVersion=60"));
  EXPECT_EQ(color_of("web"), "cccccc");
}

TEST_F(ReflectorTest, NoticesASilentConnection) {
  ReflectorLimits limits = quick();
  limits.silence = Millis(50);
  server_.answer_json(list(""));
  server_.answer_watch();
  server_.answer_watch();
  start(limits);
  wait_for_requests(3);
  EXPECT_THAT(problem(), HasSubstr("watching Services: no answer in time"));
}

TEST_F(ReflectorTest, NoticesAServerThatNeverAnswers) {
  ReflectorLimits limits = quick();
  limits.answer = Millis(50);
  start(limits);
  wait_for_problem("listing Services: reading the answer: no answer in time");
}

TEST_F(ReflectorTest, NoticesAListThatStops) {
  ReflectorLimits limits = quick();
  limits.page = Millis(50);
  server_.answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"kind\":", Then::kStayOpen);
  start(limits);
  wait_for_problem("listing Services: no answer in time");
  EXPECT_FALSE(reflector_->services());
}

TEST_F(ReflectorTest, ReadsTheTokenAnewForEachRequest) {
  ApiServer access = server_.access();
  int reads = 0;
  access.token = [&reads] {
    return Result<std::string>("token-" + std::to_string(++reads) + "\n");
  };
  server_.answer(refusal(401));
  server_.answer_json(list(""));
  server_.answer_watch();
  start(access);
  wait_for_requests(3);
  EXPECT_THAT(server_.requests()[0], HasSubstr("Bearer token-1\r\n"));
  EXPECT_THAT(server_.requests()[1], HasSubstr("Bearer token-2\r\n"));
}

TEST_F(ReflectorTest, SaysWhyItIsRefusedAndKeepsTheView) {
  server_.answer_json(list(service("web", "3", "aaaaaa")));
  server_.answer_watch();
  server_.answer(refusal(403));
  server_.answer_watch(bookmark("99"));
  start();
  wait_for_requests(2);
  server_.close_watch();
  wait_for_problem("watching Services: 403 Because: I said so");
  EXPECT_EQ(color_of("web"), "aaaaaa");
  EXPECT_TRUE(reflector_->health().broken_since(std::chrono::steady_clock::now()));
  loop_.run_until([this] { return problem().empty(); });
}

TEST_F(ReflectorTest, WaitsAsLongAsTheServerAsks) {
  server_.answer(refusal(429, "Retry-After: 1\r\n"));
  server_.answer_json(list(""));
  server_.answer_watch();
  start();
  wait_for_requests(1);
  const auto refused = std::chrono::steady_clock::now();
  wait_for_requests(2);
  EXPECT_GE(std::chrono::steady_clock::now() - refused, std::chrono::milliseconds(950));
}

TEST_F(ReflectorTest, RefusesAnUnknownAuthority) {
  ApiServer access = server_.access();
  access.authority = [pem = make_identity("IP:127.0.0.1").certificate] {
    return Result<std::string>(pem);
  };
  start(access);
  wait_for_problem("TLS with 127.0.0.1:");
  EXPECT_THAT(problem(), HasSubstr("certificate verify failed"));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(ReflectorTest, RefusesACertificateForAnotherAddress) {
  const Identity other = make_identity("IP:127.0.0.2");
  ScriptedApiServer impostor(loop_.executor(), other);
  start(impostor.access());
  wait_for_problem("certificate verify failed");
  EXPECT_THAT(impostor.requests(), IsEmpty());
}

TEST_F(ReflectorTest, SaysWhatIsWrongWithItsFiles) {
  ApiServer access = server_.access();
  bool token_is_there = false;
  access.token = [&token_is_there]() -> Result<std::string> {
    if (token_is_there) return std::string("a b");
    return Error{"reading /x/token: No such file or directory"};
  };
  access.authority = [] { return Result<std::string>("no PEM"); };
  start(access);
  wait_for_problem("listing Services: reading /x/token: No such file");
  token_is_there = true;
  wait_for_problem("token is empty or not a token");
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(ReflectorTest, SaysThatTheAuthorityIsNone) {
  ApiServer access = server_.access();
  access.authority = [] { return Result<std::string>("no PEM"); };
  start(access);
  wait_for_problem("the cluster's CA is no certificate in PEM");
}

TEST_F(ReflectorTest, SaysThatNobodyListens) {
  ApiServer access = server_.access();
  access.port = 1;
  start(access);
  wait_for_problem("connecting to 127.0.0.1:1: Connection refused");
}

TEST_F(ReflectorTest, TakesNothingFromAnAnswerItDoesNotUnderstand) {
  server_.answer_json("<html>");
  server_.answer_json(list(R"({"metadata":{"name":"a"},"spec":{"selector":"x"}})"));
  server_.answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + list(""));
  server_.answer("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  server_.answer("SSH-2.0-OpenSSH_9.2\r\n");
  start();
  wait_for_problem("listing Services: not JSON");
  wait_for_problem("spec.selector is not an object");
  wait_for_problem("the connection was closed");
  wait_for_problem("header limit exceeded");
  wait_for_problem("bad version");
  EXPECT_FALSE(reflector_->services());
  server_.answer_json(list(""));
  server_.answer_watch();
  loop_.run_until([this] { return reflector_->services().has_value(); });
}

TEST_F(ReflectorTest, BoundsTheNumberOfServices) {
  for (int page = 0; page <= 40; ++page) {
    std::string items;
    for (int i = 0; i < 500; ++i) {
      items += (i == 0 ? "" : ",") +
               service("s" + std::to_string(page) + "-" + std::to_string(i), "1", "aaaaaa");
    }
    server_.answer_json(list(items, "10", "next"));
  }
  start();
  wait_for_problem("the namespace has more than 20000");
  EXPECT_FALSE(reflector_->services());
}

TEST_F(ReflectorTest, EndsWhileItConnects) {
  start();
  loop_.settle();
}

TEST_F(ReflectorTest, EndsWhileItWaitsForAnAnswer) {
  start();
  wait_for_requests(1);
}

TEST_F(ReflectorTest, EndsWhileItWatches) {
  server_.answer_json(list(""));
  server_.answer_watch();
  start();
  wait_for_requests(2);
  loop_.settle();
}

TEST_F(ReflectorTest, EndsWhileItPauses) {
  ReflectorLimits limits = quick();
  limits.first_retry = limits.last_retry = Millis(3'600'000);
  server_.answer(refusal(500));
  start(limits);
  wait_for_problem("500");
}

}  // namespace
}  // namespace drainbow::kube
