#include "agent/document.h"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "example.h"

namespace drainbow {
namespace {

namespace json = boost::json;

json::value parsed(const Snapshot& snapshot, const ConnectionDetails& details = {}) {
  return json::parse(document(snapshot, details));
}

TEST(Document, HoldsTheVerdictAndWhatItRestsOn) {
  const json::value value = parsed(example_snapshot());
  EXPECT_EQ(value.at("verdict"), "draining");
  EXPECT_EQ(value.at("reasons").at(0).at("code"), "open_connections");
  EXPECT_EQ(value.at("reasons").at(1).at("code"), "state_not_saved");
  EXPECT_EQ(value.at("pod").at("name"), "rainbow-12e034-x");
  EXPECT_EQ(value.at("pod").at("namespace"), "shop");
  EXPECT_EQ(value.at("pod").at("uid"), "5f0c");
  EXPECT_EQ(value.at("pod").at("labels").at("color"), "12e034");
  EXPECT_EQ(value.at("selection"),
            json::parse(R"({"state":"deselected","services":[],"ever_selected":true,"source":"file",
                            "age":0.4,"deselected_for":61,
                            "deselected_at":"2026-11-21T08:41:00Z"})"));
  EXPECT_EQ(value.at("sample"), json::parse(R"({"method":"dump","age":0.25,"complete":true})"));
  EXPECT_EQ(value.at("quiet_for"), 12);
  EXPECT_EQ(value.at("quiet_period"), 30);
  EXPECT_EQ(value.at("threshold"), 0);
  EXPECT_TRUE(value.at("drained_for").is_null());
  EXPECT_EQ(value.at("episode"), "abcd1234:7");
  EXPECT_EQ(value.at("agent").at("uptime"), 90061);
}

TEST(Document, CountsByPortAndClass) {
  const json::value connections = parsed(example_snapshot()).at("connections");
  EXPECT_EQ(connections.at("open"), 2);
  EXPECT_EQ(connections.at("transient"), 1);
  EXPECT_EQ(connections.at("close_wait"), 1);
  EXPECT_EQ(connections.at("by_port").at("8081").at("open"), 2);
  EXPECT_EQ(connections.at("opened_total"), 12);
  EXPECT_EQ(connections.at("lost_total"), 3);
  EXPECT_EQ(connections.at("oldest_age"), 7200.5);
}

TEST(Document, NeverShowsZeroForUnknown) {
  Snapshot snapshot = example_snapshot();
  snapshot.status.counted = false;
  snapshot.status.sample_age.reset();
  snapshot.status.selection_age.reset();
  const json::value value = parsed(snapshot);
  EXPECT_TRUE(value.at("connections").is_null());
  EXPECT_TRUE(value.at("sample").at("age").is_null());
  EXPECT_TRUE(value.at("selection").at("age").is_null());
}

TEST(Document, ListsPeersAndIdleTimes) {
  ConnectionDetails details;
  details.idle_over = {4, 3, 2, 1};
  details.oldest = {{.peer = *IpAddress::parse("fd00::7"),
                     .peer_port = 50123,
                     .local_port = 8081,
                     .state = TcpState::kCloseWait,
                     .age = Millis(5000),
                     .idle = std::nullopt}};
  const json::value connections = parsed(example_snapshot(), details).at("connections");
  EXPECT_EQ(connections.at("idle_over"), json::parse(R"({"1h":4,"6h":3,"24h":2,"48h":1})"));
  EXPECT_EQ(connections.at("peers"),
            json::parse(R"([{"address":"fd00::7","port":50123,"local_port":8081,
                             "state":"CLOSE_WAIT","age":5,"idle":null}])"));
}

TEST(Document, LeavesIdleTimesOutWhenNotKnown) {
  EXPECT_TRUE(parsed(example_snapshot()).at("connections").at("idle_over").is_null());
}

}  // namespace
}  // namespace drainbow
