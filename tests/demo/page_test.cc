#include "demo/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "demo/metrics.h"

namespace drainbow::demo {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr Color kColor{0xa1, 0xb2, 0xc3};

http::Request get(std::string path, std::string accept = "") {
  return {.method = "GET",
          .path = std::move(path),
          .query = {},
          .accept = std::move(accept),
          .peer = {}};
}

TEST(PrefersHtml, OnlyWhoNamesItAndLikesItNoLessThanPlainText) {
  EXPECT_TRUE(prefers_html("text/html"));
  EXPECT_TRUE(prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
  EXPECT_TRUE(prefers_html("text/plain;q=0.5 , text/html ; level=1 ; q=0.6"));
  EXPECT_TRUE(prefers_html("text/plain, text/html"));

  EXPECT_FALSE(prefers_html(""));
  EXPECT_FALSE(prefers_html("*/*"));  // curl
  EXPECT_FALSE(prefers_html("text/plain"));
  EXPECT_FALSE(prefers_html("text/*"));
  EXPECT_FALSE(prefers_html("text/html;q=0"));
  EXPECT_FALSE(prefers_html("text/html;q=0.4, text/plain;q=0.5"));
}

TEST(PrefersHtml, GarbageIsNoPreference) {
  for (const char* accept : {",", ";", ";;;,,,", "text/html;q=", "text/html;q=x", "text/html2",
                             "q=1", " , text/html;q=nan"}) {
    EXPECT_FALSE(prefers_html(accept)) << accept;
  }
}

TEST(Answer, IsPlainTextByDefault) {
  const http::Response response = answer(get("/", "*/*"), kColor, "pod");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, StartsWith("text/plain"));
  EXPECT_EQ(response.body, "The color is #a1b2c3\n");
}

TEST(Answer, IsAPageForBrowsers) {
  const http::Response response = answer(get("/", "text/html"), kColor, "color-a1b2c3-x2k4p");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(response.headers.at("Vary"), "Accept");
  EXPECT_THAT(response.body, AllOf(HasSubstr("background: #a1b2c3; color: #000000"),
                                   HasSubstr("<h1>#a1b2c3</h1>"), HasSubstr("color-a1b2c3-x2k4p"),
                                   Not(HasSubstr("{color}")), Not(HasSubstr("{text}"))));
}

TEST(Answer, EscapesThePodsName) {
  const std::string page = html_page(kColor, "<b a=\"1\">&{color}");
  EXPECT_THAT(page, HasSubstr("&lt;b a=&quot;1&quot;&gt;&amp;{color}"));
}

TEST(Answer, HealthAndWhatIsNotThere) {
  EXPECT_EQ(answer(get("/healthz"), kColor, "pod").body, "ok\n");
  EXPECT_EQ(answer(get("/healthz"), kColor, "pod").status, 200);
  EXPECT_EQ(answer(get("/favicon.ico"), kColor, "pod").status, 404);
  EXPECT_EQ(answer(get("//"), kColor, "pod").status, 404);
  EXPECT_EQ(answer(get(""), kColor, "pod").status, 404);
}

TEST(Metrics, TellTheNumbers) {
  const Numbers numbers{.color = kColor,
                        .line_sessions = 3,
                        .lines = {.sessions_total = 5,
                                  .refused_total = 1,
                                  .lines_sent_total = 9,
                                  .accept_errors_total = 2},
                        .http_requests = {{200, 7}, {404, 1}}};
  const http::Response response = answer_metrics(get("/metrics"), numbers);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, StartsWith("text/plain; version=0.0.4"));
  for (const char* line :
       {"\ncolor_server_sessions 3\n", "\ncolor_server_sessions_total 5\n",
        "\ncolor_server_sessions_refused_total 1\n", "\ncolor_server_lines_sent_total 9\n",
        "\ncolor_server_accept_errors_total 2\n",
        "\ncolor_server_http_requests_total{code=\"200\"} 7\n",
        "\ncolor_server_http_requests_total{code=\"404\"} 1\n",
        "\ncolor_server_build_info{color=\"a1b2c3\",version=\""}) {
    EXPECT_THAT(response.body, HasSubstr(line));
  }
  EXPECT_EQ(answer_metrics(get("/"), numbers).status, 404);
}

}  // namespace
}  // namespace drainbow::demo
