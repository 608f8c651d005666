// What the server answers, and in which order.
#include "http/server.h"

#include "tests/http/server_fixture.h"

namespace drainbow::http {
namespace {

class ServerFamilyTest : public ServerTest, public testing::WithParamInterface<const char*> {};

TEST_P(ServerFamilyTest, AnswersAndKeepsTheConnection) {
  start({}, GetParam());
  TestClient client = connect();
  client.send("GET /some%20path?a=1&b=%32 HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "you asked for /some path");
  EXPECT_EQ(answer.headers,
            (std::map<std::string, std::string>{{"cache-control", "no-store"},
                                                {"content-length", "24"},
                                                {"content-type", "text/plain; charset=utf-8"}}));
  EXPECT_EQ(client.get("/missing").status, 404);
  ASSERT_EQ(scene->requests.size(), 2U);
  const Request& request = scene->requests.front();
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/some path");
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(request.accept, "text/plain");
  EXPECT_TRUE(request.peer.is_loopback());
  EXPECT_EQ(server->clients(), 1U);
}
INSTANTIATE_TEST_SUITE_P(V4AndV6, ServerFamilyTest, testing::Values("127.0.0.1:0", "[::1]:0"));

TEST_F(ServerTest, TheUnspecifiedAddressTakesBothFamilies) {
  start({}, ":0");
  const std::uint16_t port = server->bound_to().port;
  TestClient v4(loop, {.address = *IpAddress::parse("127.0.0.1"), .port = port});
  TestClient v6(loop, {.address = *IpAddress::parse("::1"), .port = port});
  EXPECT_EQ(v4.get("/").status, 200);
  EXPECT_EQ(v6.get("/").status, 200);
  EXPECT_EQ(scene->requests[0].peer.to_string(), "127.0.0.1");
  EXPECT_EQ(scene->requests[1].peer.to_string(), "::1");
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  TestClient client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer answer = client.read_answer(/*to_head=*/true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-length"), "15");
  EXPECT_EQ(client.get("/").body, "you asked for /");  // no stray byte came in between
}

TEST_F(ServerTest, EndsTheConnectionWhenAsked) {
  TestClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_answer().headers.at("connection"), "close");
  EXPECT_FALSE(client.read_to_end().reset);
}

TEST_F(ServerTest, EndsTheConnectionAfterAnHttp10Request) {
  TestClient client = connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_FALSE(client.read_to_end().reset);
}

TEST_F(ServerTest, AnswersAClientThatHasClosedItsSendingSide) {
  TestClient client = connect();
  client.send(get_request("/"));
  client.close_sending_side();
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_FALSE(client.read_to_end().reset);
}

// A request that is refused, with the answer and whether the connection ends with it.
struct Refusal {
  const char* description;
  std::string request;
  int status;
  bool ends;
};

class RefusalTest : public ServerTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, ReachesTheClient) {
  TestClient client = connect();
  client.send(GetParam().request);
  Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(answer.headers["allow"], answer.status == 405 ? "GET, HEAD" : "");
  EXPECT_TRUE(scene->requests.empty());
  if (GetParam().ends) {
    EXPECT_FALSE(client.read_to_end().reset);
  } else {
    EXPECT_EQ(client.get("/").status, 200);
  }
}

std::string with_header(const std::string& line, const std::string& more = "") {
  return line + "\r\nHost: x\r\n" + more + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    testing::Values(
        Refusal{"Garbage", "\x16\x03\x01\x02\x05\x01\xfc\x03\x03\r\n\r\n", 400, true},
        Refusal{"NoVersion", "GET /\r\n\r\n", 400, true},
        Refusal{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, true},
        Refusal{"BadHeader", "GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, true},
        Refusal{"FoldedHeader", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, true},
        Refusal{"BadContentLength", with_header("GET / HTTP/1.1", "Content-Length: -1\r\n"), 400,
                true},
        Refusal{"TwoContentLengths",
                with_header("GET / HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400,
                true},
        Refusal{"HugeContentLength",
                with_header("GET / HTTP/1.1", "Content-Length: 99999999999999999999\r\n"), 400,
                true},
        Refusal{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400, false},
        Refusal{"TwoHosts", with_header("GET / HTTP/1.1", "Host: y\r\n"), 400, false},
        Refusal{"EncodedNul", with_header("GET /%00 HTTP/1.1"), 400, false},
        Refusal{"EncodedSlash", with_header("GET /a%2Fb HTTP/1.1"), 400, false},
        Refusal{"TargetWithoutSlash", with_header("GET drained HTTP/1.1"), 400, false},
        Refusal{"Post", with_header("POST / HTTP/1.1", "Content-Length: 0\r\n"), 405, false},
        Refusal{"PostWithBody", with_header("POST / HTTP/1.1", "Content-Length: 3\r\n") + "abc",
                405, true},
        Refusal{"ChunkedPost",
                with_header("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n") +
                    "3\r\nabc\r\n0\r\n\r\n",
                405, true},
        Refusal{"PostThatExpects100",
                with_header("POST / HTTP/1.1", "Content-Length: 3\r\nExpect: 100-continue\r\n"),
                405, true},
        Refusal{
            "BigPost",
            with_header("POST / HTTP/1.1", "Content-Length: 40000\r\n") + std::string(40000, 'x'),
            405, true},
        Refusal{"GetWithBody", with_header("GET / HTTP/1.1", "Content-Length: 3\r\n") + "abc", 413,
                true},
        Refusal{"ChunkedGet",
                with_header("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 413,
                true},
        Refusal{"UnknownMethod", with_header("DRAIN / HTTP/1.1"), 405, false},
        Refusal{"Options", with_header("OPTIONS * HTTP/1.1"), 405, false},
        Refusal{"LongTarget", with_header("GET /" + std::string(8192, 'x') + " HTTP/1.1"), 431,
                true},
        Refusal{"LongHeader",
                with_header("GET / HTTP/1.1", "A: " + std::string(8192, 'x') + "\r\n"), 431, true},
        Refusal{"EndlessHeader", "GET / HTTP/1.1\r\nA: " + std::string(40000, 'x'), 431, true},
        Refusal{"EndlessTarget", "GET /" + std::string(40000, 'x'), 431, true}),
    [](const auto& info) { return info.param.description; });

TEST_F(ServerTest, TakesAHeaderUpToTheLimit) {
  const std::string rest = get_request("/");
  TestClient client = connect();
  EXPECT_EQ(client.get("/" + std::string(8192 - rest.size(), 'x')).status, 200);
  EXPECT_EQ(client.get("/" + std::string(8193 - rest.size(), 'x')).status, 431);
}

TEST_F(ServerTest, TakesAGetThatExpects100) {
  TestClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  TestClient client = connect();
  scene->release();
  std::string requests;
  for (int i = 0; i < 300; ++i) {
    requests += get_request(i % 3 == 0 ? "/later" : "/" + std::to_string(i));
  }
  client.send(requests);
  for (int i = 0; i < 300; ++i) {
    const std::string expected = i % 3 == 0 ? "later" : "you asked for /" + std::to_string(i);
    ASSERT_EQ(client.read_answer().body, expected);
  }
}

TEST_F(ServerTest, WaitsForALaterAnswer) {
  TestClient client = connect();
  client.send(get_request("/later") + get_request("/next"));
  wait_for_pending(1);
  TestClient other = connect();
  EXPECT_EQ(other.get("/").status, 200);
  EXPECT_EQ(scene->requests.size(), 2U);  // /next waits for its turn
  scene->release();
  EXPECT_EQ(client.read_answer().body, "later");
  EXPECT_EQ(client.read_answer().body, "you asked for /next");
  EXPECT_EQ(scene->pending, 0);
}

TEST_F(ServerTest, AnswersHeadToALaterAnswer) {
  TestClient client = connect();
  scene->release();
  client.send("HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read_answer(/*to_head=*/true).headers.at("content-length"), "5");
}

TEST_F(ServerTest, AHandlerThatThrowsCostsItsClientOnly) {
  TestClient innocent = connect();
  innocent.send(get_request("/later"));
  wait_for_pending(1);
  for (const char* path : {"/throw", "/throw-later"}) {
    TestClient client = connect();
    client.send(get_request(path));
    if (path == std::string("/throw-later")) {
      wait_for_pending(2);
      scene->release();
    }
    EXPECT_EQ(client.read_answer().status, 500);
    EXPECT_FALSE(client.read_to_end().reset);
  }
  EXPECT_EQ(innocent.read_answer().body, "later");
  EXPECT_EQ(innocent.get("/").status, 200);
}

TEST_F(ServerTest, ABigAnswerArrivesWhole) {
  scene->big_body = std::string(5'000'000, 'b');
  TestClient client = connect();
  EXPECT_EQ(client.get("/big").body, scene->big_body);
  client.send("GET /big HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, scene->big_body);
}

}  // namespace
}  // namespace drainbow::http
