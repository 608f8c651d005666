#include "kube/api_server.h"

#include <gmock/gmock.h>

#include <map>

#include "kube/api_request.h"

namespace drainbow::kube {
namespace {

using ::testing::HasSubstr;

using Environment = std::map<std::string, std::string>;

Result<ApiServer> from(const Environment& environment) {
  return api_server_from_environment([&environment](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(ApiServerFromEnvironment, TakesWhatEveryContainerIsTold) {
  const Result<ApiServer> server =
      from({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "6443"}});
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(server->host, "fd00::1");
  EXPECT_EQ(server->port, 6443);
}

TEST(ApiServerFromEnvironment, NamesWhatIsMissingOrWrong) {
  EXPECT_THAT(from({}).error().message, HasSubstr("KUBERNETES_SERVICE_HOST is not set"));
  EXPECT_THAT(from({{"KUBERNETES_SERVICE_HOST", ""}}).error().message, HasSubstr("is not set"));
  for (const std::string port : {"", "0", "65536", "443x", "tcp://10.0.0.1:443"}) {
    const Result<ApiServer> server =
        from({{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"KUBERNETES_SERVICE_PORT", port}});
    ASSERT_FALSE(server) << port;
    EXPECT_EQ(server.error().message,
              "KUBERNETES_SERVICE_PORT: '" + port + "' is not a port from 1 to 65535");
  }
}

TEST(PercentEncoded, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a/b c&d=\n\xff"), "a%2Fb%20c%26d%3D%0A%FF");
}

}  // namespace
}  // namespace drainbow::kube
