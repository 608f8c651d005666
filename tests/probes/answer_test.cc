#include "probes/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace drainbow {
namespace {

using testing::HasSubstr;

std::string document(const std::string& verdict, const std::string& more = "") {
  return R"({"verdict":")" + verdict + R"(","reasons":[{"code":"c","message":"because"}])" + more +
         "}";
}

Result<Answer> of(Question question, int status, const std::string& body) {
  return understand(question, HttpResponse{status, body});
}

TEST(Understand, EachVerdictHasItsLineAndExitCode) {
  const std::pair<const char*, int> expected[] = {
      {"drained", 0}, {"selected", 1}, {"standby", 1}, {"draining", 1}, {"unknown", 3}};
  for (const auto& [verdict, code] : expected) {
    const auto answer = of(Question::kStatus, 200, document(verdict));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(exit_code(answer->verdict), code) << verdict;
    EXPECT_EQ(answer->line, std::string(verdict) + ": because");
  }
}

TEST(Understand, TellsAllReasonsAndTheOldestAge) {
  const auto answer = of(Question::kDrained, 503, R"json({
      "verdict": "draining",
      "reasons": [{"code": "open_connections", "message": "3 open connections on port 8081 (3)"},
                  {"code": "not_quiet", "message": "quiet for 12 s of 30 s", "more": 1}],
      "connections": {"open": 3, "oldest_age": 7800.25}})json");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->line,
            "draining: 3 open connections on port 8081 (3), oldest 2 h 10 min; "
            "quiet for 12 s of 30 s");
}

TEST(Understand, TheAgeMayBeUnknown) {
  for (const char* more : {R"(,"connections":null)", R"(,"connections":{"oldest_age":null})",
                           R"(,"connections":{})", ""}) {
    EXPECT_TRUE(of(Question::kStatus, 200, document("drained", more))) << more;
  }
}

TEST(Understand, StatusAndVerdictMustAgree) {
  for (const Question question : {Question::kDrained, Question::kWait}) {
    EXPECT_TRUE(of(question, 200, document("drained")));
    EXPECT_TRUE(of(question, 503, document("draining")));
    EXPECT_TRUE(of(question, 503, document("unknown")));
    EXPECT_FALSE(of(question, 503, document("drained")));
    for (const char* verdict : {"draining", "selected", "standby", "unknown"}) {
      EXPECT_FALSE(of(question, 200, document(verdict))) << verdict;
    }
  }
  const auto answer = of(Question::kStatus, 503, document("drained"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message,
            "the answer contradicts itself: status 503, but the verdict is drained");
}

TEST(Understand, ARefusalIsToldInTheAgentsWords) {
  const auto answer = of(Question::kWait, 400, "timeout: too long\nmore");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "the agent refused with status 400: timeout: too long");
  EXPECT_EQ(of(Question::kWait, 503, "too many long polls").error().message,
            "the agent refused with status 503: too many long polls");
}

TEST(Understand, WhatIsNoVerdictDocumentIsAnError) {
  for (const char* body :
       {"", "{", "[]", "null", "drained", "{}", R"({"verdict":1,"reasons":[]})",
        R"({"verdict":"Drained","reasons":[]})", R"({"verdict":"drained"})",
        R"({"verdict":"drained","reasons":{}})", R"({"verdict":"drained","reasons":["x"]})",
        R"({"verdict":"drained","reasons":[{"code":"c"}]})",
        R"({"verdict":"drained","reasons":[]} x)",
        R"({"verdict":"drained","reasons":[],"connections":[]})",
        R"({"verdict":"drained","reasons":[],"connections":{"oldest_age":"1"}})",
        R"({"verdict":"drained","reasons":[],"connections":{"oldest_age":-1}})",
        R"({"verdict":"drained","reasons":[],"connections":{"oldest_age":1e300}})"}) {
    const auto answer = of(Question::kDrained, 200, body);
    ASSERT_FALSE(answer) << body;
    EXPECT_THAT(answer.error().message, HasSubstr("not a verdict document: ")) << body;
  }
  const std::string deep(100'000, '[');
  EXPECT_FALSE(of(Question::kDrained, 200, deep));
}

TEST(Understand, NothingUnprintableAndNothingEndlessIsPrinted) {
  const std::string body =
      R"({"verdict":"draining","reasons":[{"code":"c","message":"a\u001b[2J\nb)" +
      std::string("\xc2\x9b") + R"("}]})";
  const auto answer = of(Question::kStatus, 200, body);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->line, "draining: a?[2J?b??");

  const auto endless = of(Question::kStatus, 200,
                          R"({"verdict":"draining","reasons":[{"code":"c","message":")" +
                              std::string(100'000, 'x') + R"("}]})");
  ASSERT_TRUE(endless) << endless.error().message;
  EXPECT_EQ(endless->line.size(), 1003U);
}

}  // namespace
}  // namespace drainbow
