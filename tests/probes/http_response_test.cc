#include "probes/http_response.h"

#include <gtest/gtest.h>

#include <string>

namespace drainbow {
namespace {

TEST(ParseResponse, ReadsStatusAndBody) {
  const auto response = parse_response(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
      "content-LENGTH: \t 4 \r\n\r\n{}\r\n");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->body, "{}\r\n");
}

TEST(ParseResponse, TheConnectionsEndAloneMayEndTheBody) {
  const auto response = parse_response("HTTP/1.0 200\r\n\r\nbody");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "body");
}

TEST(ParseResponse, RefusesWhatIsNotHttp) {
  for (const char* text :
       {"hello", "\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nb",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4"}) {
    const auto response = parse_response(text);
    ASSERT_FALSE(response) << text;
    EXPECT_EQ(response.error().message, "the answer is not HTTP") << text;
  }
}

TEST(ParseResponse, ACutOrOverlongBodyIsAnError) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
  EXPECT_TRUE(parse_response(head + "1234"));
  const auto cut = parse_response(head + "123");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message, "the answer has 3 bytes and not the announced 4");
  EXPECT_FALSE(parse_response(head + "12345"));
  EXPECT_FALSE(parse_response(head));
}

TEST(ParseResponse, AChunkedBodyIsAnError) {
  const auto chunked =
      parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  ASSERT_FALSE(chunked);
  EXPECT_EQ(chunked.error().message, "the answer is chunked, which was not asked for");
}

TEST(ParseResponse, NoAnswerAtAllIsAnError) {
  const auto nothing = parse_response("");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().message, "the connection was closed without an answer");
}

}  // namespace
}  // namespace drainbow
