#include "agent/kubernetes_selection.h"

#include <gmock/gmock.h>

#include "tests/http/event_loop.h"
#include "tests/kube/scripted_api_server.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Labels kPod = {{"app", "web"}, {"color", "aaaaaa"}};

std::string service(const std::string& name, const std::string& selector) {
  return R"({"kind":"Service","metadata":{"name":")" + name +
         R"(","resourceVersion":"1"},"spec":{"selector":)" + selector + "}}";
}

std::string list(const std::string& items) {
  return R"({"kind":"ServiceList","metadata":{"resourceVersion":"10"},"items":[)" + items + "]}";
}

class KubernetesSelectionTest : public ::testing::Test {
 protected:
  SelectionReport report(const Result<Labels>& labels = kPod) {
    return selection_.report(std::chrono::steady_clock::now(), labels);
  }
  // Until the API server has been asked so often; what it said before has arrived then.
  void wait_for_requests(std::size_t count) {
    loop_.run_until([&] { return server_.requests().size() >= count; });
  }
  void TearDown() override {
    selection_.stop();
    loop_.settle();
  }

  http::EventLoop loop_;
  kube::ScriptedApiServer server_{loop_.executor(), kube::make_identity("IP:127.0.0.1")};
  KubernetesSelection selection_{loop_.executor(), server_.access(), "shop", "color"};
};

TEST_F(KubernetesSelectionTest, IsUnknownBeforeTheServicesAreListed) {
  EXPECT_EQ(report().state, SelectionState::kUnknown);
  EXPECT_THAT(report().problem, HasSubstr("not listed yet"));
  EXPECT_EQ(selection_.name(), "kubernetes");
}

TEST_F(KubernetesSelectionTest, IsUnknownWithAReasonWhenRefused) {
  server_.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  loop_.run_until([this] { return report().problem.find("403") != std::string::npos; });
  EXPECT_EQ(report().state, SelectionState::kUnknown);
  EXPECT_FALSE(report().proven_at);
}

TEST_F(KubernetesSelectionTest, FollowsTheServices) {
  server_.answer_json(list(service("web", R"({"app":"web","color":"aaaaaa"})")));
  server_.answer_watch();
  wait_for_requests(2);
  const SelectionReport selected = report();
  EXPECT_EQ(selected.state, SelectionState::kSelected);
  EXPECT_THAT(selected.services, ElementsAre("web"));
  EXPECT_THAT(selected.notes, IsEmpty());
  EXPECT_EQ(selected.problem, "");
  EXPECT_TRUE(selected.proven_at);

  server_.send_event(R"({"type":"MODIFIED","object":)" +
                     service("web", R"({"app":"web","color":"bbbbbb"})") + "}");
  loop_.run_until([this] { return report().state == SelectionState::kDeselected; });
  EXPECT_THAT(report().services, IsEmpty());
  EXPECT_EQ(selection_.restarts(), 0U);
}

TEST_F(KubernetesSelectionTest, NotesAServiceThatSelectsEveryColor) {
  server_.answer_json(list(service("web", R"({"app":"web"})")));
  server_.answer_watch();
  wait_for_requests(2);
  EXPECT_THAT(report().services, ElementsAre("web"));
  EXPECT_THAT(report().notes, SizeIs(1));
}

TEST_F(KubernetesSelectionTest, FollowsTheLabelsToo) {
  server_.answer_json(list(service("web", R"({"color":"aaaaaa"})")));
  server_.answer_watch();
  wait_for_requests(2);
  EXPECT_EQ(report().state, SelectionState::kSelected);
  EXPECT_EQ(report(Labels{{"color", "quarantine"}}).state, SelectionState::kDeselected);
  EXPECT_EQ(report().state, SelectionState::kSelected);
}

TEST_F(KubernetesSelectionTest, IsUnknownWithoutLabels) {
  server_.answer_json(list(""));
  server_.answer_watch();
  wait_for_requests(2);
  EXPECT_EQ(report().state, SelectionState::kDeselected);
  const SelectionReport unreadable = report(Error{"/labels: no such file"});
  EXPECT_EQ(unreadable.state, SelectionState::kUnknown);
  EXPECT_EQ(unreadable.problem, "the pod's labels cannot be read: /labels: no such file");
  EXPECT_EQ(report(Labels()).state, SelectionState::kUnknown);
  EXPECT_THAT(report(Labels()).problem, HasSubstr("no labels"));
}

}  // namespace
}  // namespace drainbow
