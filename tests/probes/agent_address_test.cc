#include <gtest/gtest.h>

#include "probes/http_client.h"

namespace drainbow {
namespace {

TEST(AgentAddress, IsReadAndPrinted) {
  for (const char* text : {"127.0.0.1:9911", "[::1]:9911", "[fd00::1]:1", "10.0.0.1:65535"}) {
    const auto agent = AgentAddress::parse(text);
    ASSERT_TRUE(agent) << text;
    EXPECT_EQ(agent->to_string(), text);
  }
}

TEST(AgentAddress, AllElseIsRefused) {
  for (const char* text :
       {"", ":", ":9911", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:99x", "localhost:9911",
        "::1:9911", "[::1]", "[::1]9911", "[127.0.0.1]:9911", "[]:9911", "[::1:9911"}) {
    const auto agent = AgentAddress::parse(text);
    ASSERT_FALSE(agent) << text;
    EXPECT_EQ(agent.error().message,
              "is not a numeric address and port such as 127.0.0.1:9911 or [::1]:9911");
  }
}

}  // namespace
}  // namespace drainbow
