// What happens between a look and the write: before a scale to zero, before and after a delete.
#include <gmock/gmock.h>

#include "drain/cleanup_plan.h"
#include "tests/drain/cluster_builders.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- the second look -----------------------------------------------------------------------------

Cluster to_be_scaled() {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  return cluster;
}

SecondLook second_look(const Cluster& first, const Cluster& second, WallTime now = kNow,
                       Millis took = seconds(1)) {
  return look_again_before_scale(action_on(first.look, "a"), second.look, took, keep_none(), now);
}

TEST(TheSecondLook, LetsItGoWhenAllIsAsBefore) {
  const Cluster cluster = to_be_scaled();
  const SecondLook look = second_look(cluster, cluster, kNow + minutes(3));
  EXPECT_THAT(look.objections, IsEmpty());
  EXPECT_EQ(look.patch.replicas, 0);
  // Not since the first look: a long run must leave the color its whole --verify-after.
  EXPECT_EQ(*look.patch.scaled_at.sets(), kNow + minutes(3));
}

struct Meanwhile {
  const char* name;
  const char* code;
  void (*happen)(Cluster&);
};
void PrintTo(const Meanwhile& one, std::ostream* out) { *out << one.name; }

const Meanwhile kMeanwhile[] = {
    {"Selected", "selected", [](Cluster& c) { c.service_named("web").selector["color"] = "a"; }},
    {"SelectedByANewService", "selected",
     [](Cluster& c) { c.look.services.push_back(service("line", "a")); }},
    {"ServiceWritten", "service_changed",
     [](Cluster& c) { c.service_named("web").version.resource_version = "51"; }},
    {"ServiceReplaced", "service_changed",
     [](Cluster& c) { c.service_named("web").version.uid = "another"; }},
    {"ServicesGone", "color_gone", [](Cluster& c) { c.look.services.clear(); }},
    {"DeploymentWritten", "deployment_changed",
     [](Cluster& c) { c.of("a").version.resource_version = "101"; }},
    {"DeploymentReplaced", "deployment_changed", [](Cluster& c) { c.of("a").version.uid = "new"; }},
    {"InASlice", "in_slice",
     [](Cluster& c) { c.look.slices[0].endpoints = {{c.pod("a", 0).uid, {}}}; }},
    {"SliceWritten", "slices_changed",
     [](Cluster& c) { c.look.slices[0].version.resource_version = "71"; }},
    {"SliceGone", "slices_changed", [](Cluster& c) { c.look.slices.clear(); }},
    {"LiveNotAvailable", "live_not_available", [](Cluster& c) { c.of("b").available = false; }},
    {"LiveWithoutReadyPod", "live_without_ready_pod", [](Cluster& c) { c.remove_pods("b"); }},
    {"AgentSilent", "silent", [](Cluster& c) { c.answer("a", 0).document.reset(); }},
    {"AnotherEpisode", "episode_changed", [](Cluster& c) { c.document("a", 0).episode = "x:1"; }},
    {"ANewPod", "pod_is_new",
     [](Cluster& c) {
       Pod pod = pod_of(c.of("a"), 7);
       c.look.pods.push_back(pod);
       c.look.answers[pod.uid].document = drained_document(pod);
     }},
    {"Connected", "open_connections", [](Cluster& c) { c.document("a", 0).open = 1; }},
};

class WhatHappensMeanwhile : public ::testing::TestWithParam<Meanwhile> {};

TEST_P(WhatHappensMeanwhile, IsAnObjection) {
  Cluster second = to_be_scaled();
  GetParam().happen(second);
  const SecondLook look = second_look(to_be_scaled(), second);
  EXPECT_THAT(codes(look.objections), Contains(GetParam().code));
  EXPECT_TRUE(look.patch.empty());
}

INSTANTIATE_TEST_SUITE_P(All, WhatHappensMeanwhile, ::testing::ValuesIn(kMeanwhile),
                         [](const auto& tested) { return std::string(tested.param.name); });

// What it says is as old as its beginning, answers and Services alike.
TEST(TheSecondLook, MustBeQuick) {
  const Cluster cluster = to_be_scaled();  // samples are 1 s old, answers took 20 ms
  const auto objections = [&](const Cluster& look, Millis took) {
    return codes(second_look(look, look, kNow, took).objections);
  };
  const Millis left = seconds(9) - Millis(20);
  EXPECT_THAT(objections(cluster, left - kOneMs), IsEmpty());
  EXPECT_THAT(objections(cluster, left), IsEmpty());
  EXPECT_THAT(objections(cluster, left + kOneMs), Contains("sample_stale"));
  Cluster without_pods = two_colors();
  without_pods.of("a").replicas = 0;
  without_pods.remove_pods("a");
  without_pods.mark("a", minutes(6));
  EXPECT_THAT(objections(without_pods, seconds(10)), IsEmpty());
  EXPECT_THAT(objections(without_pods, seconds(10) + kOneMs), ElementsAre("second_look_stale"));
}

TEST(TheSecondLook, AnotherFamilysSlicesMayChange) {
  Cluster first = to_be_scaled();
  first.add_slice("chat", "x");
  Cluster second = first;
  second.look.slices[1].version.resource_version = "71";
  EXPECT_THAT(second_look(first, second).objections, IsEmpty());
}

TEST(TheSecondLook, APodThatIsGoneIsFine) {
  Cluster second = to_be_scaled();
  std::erase_if(second.look.pods, [](const Pod& pod) { return pod.name == "web-a-1"; });
  EXPECT_THAT(second_look(to_be_scaled(), second).objections, IsEmpty());
}

// --- before and after a delete -------------------------------------------------------------------

Cluster to_be_deleted() {
  Cluster cluster = two_colors();
  cluster.scale_to_zero("a", hours(1));
  cluster.mark("a", hours(2));
  return cluster;
}

TEST(BeforeADelete, TheServicesMustBeThoseOfTheLook) {
  const Cluster cluster = to_be_deleted();
  const Action action = action_on(cluster.look, "a");
  ASSERT_EQ(action.kind, ActionKind::kDelete);
  const auto objections = [&](const Cluster& now) {
    return codes(objections_to_delete(action, cluster.look, now.look.services, keep_none()));
  };
  EXPECT_THAT(objections(cluster), IsEmpty());
  Cluster now = cluster;
  now.service_named("web").version.resource_version = "51";
  EXPECT_THAT(objections(now), ElementsAre("service_changed"));
  now.service_named("web").selector["color"] = "a";
  EXPECT_THAT(objections(now), ElementsAre("selected"));
  now = cluster;
  now.look.services.push_back(service("line", "b"));
  EXPECT_THAT(objections(now), ElementsAre("service_changed"));
  now.look.services.clear();
  EXPECT_THAT(objections(now), ElementsAre("color_gone"));
}

TEST(AfterADelete, ASelectedColorIsCreatedAgain) {
  const Cluster cluster = to_be_deleted();
  const Action action = action_on(cluster.look, "a");
  const auto again = [&](const Cluster& now) {
    return recreate_after_delete(action, cluster.look, now.look.services, keep_none());
  };
  EXPECT_FALSE(again(cluster).has_value());
  Cluster now = cluster;
  now.service_named("web").selector["color"] = "a";
  now.service_named("web").ignored = true;
  EXPECT_FALSE(again(now).has_value());
  now.service_named("web").ignored = false;
  ASSERT_TRUE(again(now).has_value());
  const Deployment made = again(now)->deployment;
  EXPECT_EQ(made.name, "web-a");
  EXPECT_EQ(made.replicas, 2);
  EXPECT_EQ(made.version, ObjectVersion{});
  EXPECT_TRUE(made.mark.absent());
  EXPECT_TRUE(made.scaled_at.absent());
  EXPECT_TRUE(made.kept_replicas.absent());
  EXPECT_EQ(made.template_labels, cluster.look.deployments[0].template_labels);
  EXPECT_THAT(again(now)->reason.message, HasSubstr("web"));
}

}  // namespace
}  // namespace drainbow
