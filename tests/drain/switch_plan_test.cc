#include "drain/switch_plan.h"

#include <gmock/gmock.h>

#include "tests/drain/cluster_builders.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<SwitchStart> begin(const Cluster& cluster, SwitchRequest request = {"web-a"}) {
  return begin_switch(cluster.look, request, "color", kNow);
}

std::string refusal(const Cluster& cluster, SwitchRequest request = {"web-a"}) {
  const auto start = begin(cluster, std::move(request));
  return start ? "none" : start.error().message;
}

TEST(BeginSwitch, HoldsTheTarget) {
  const auto start = begin(two_colors());
  ASSERT_TRUE(start);
  EXPECT_EQ(start->patch, DeploymentPatch{.hold_until = kNow + minutes(2)});
  EXPECT_EQ(start->judged, version("uid-web-a", 100));
  EXPECT_EQ(start->color, "a");
  EXPECT_EQ(start->replicas, 2);
  EXPECT_THAT(start->leaves, ElementsAre("web-b"));
  ASSERT_EQ(start->services.size(), 1);
  EXPECT_EQ(start->services[0].name, "web");
}

TEST(BeginSwitch, TakesBackWhatACleanupDid) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.scale_to_zero("a", seconds(5));
  cluster.of("a").kept_replicas = std::uint64_t{3};
  const auto start = begin(cluster);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->patch.replicas, 3);
  EXPECT_TRUE(start->patch.mark.drops());
  EXPECT_TRUE(start->patch.scaled_at.drops());
  EXPECT_TRUE(start->patch.kept_replicas.drops());
}

TEST(BeginSwitch, FromZeroAsManyAsItHadOrTheLiveColorHasReadyAndAtLeastOne) {
  Cluster cluster = two_colors();
  cluster.scale_to_zero("a", seconds(5));
  cluster.of("a").kept_replicas = std::uint64_t{1};
  EXPECT_EQ(begin(cluster)->replicas, 2);
  EXPECT_EQ(begin(cluster, {"web-a", 9})->replicas, 9);
  EXPECT_EQ(begin(cluster, {"web-a", 0})->replicas, 1);
  cluster.of("a").kept_replicas = std::uint64_t{0};
  cluster.remove_pods("b");
  EXPECT_EQ(begin(cluster)->replicas, 1);
}

TEST(BeginSwitch, RefusesFewerPodsThanTheLiveColorHasReady) {
  Cluster cluster = two_colors();
  cluster.of("a").replicas = 1;
  EXPECT_THAT(refusal(cluster), HasSubstr("--replicas 2"));
  EXPECT_EQ(refusal(cluster, {"web-a", 1}), "none");
  cluster.pod("b", 0).ready = false;
  EXPECT_EQ(refusal(cluster), "none");
}

TEST(BeginSwitch, NeverTakesPodsAway) {
  Cluster cluster = two_colors();
  cluster.of("a").replicas = 5;
  EXPECT_EQ(begin(cluster, {"web-a", 3})->replicas, 5);
  EXPECT_EQ(begin(cluster, {"web-a", 3})->patch.replicas, std::nullopt);
}

TEST(BeginSwitch, RefusesWhatWouldHurt) {
  Cluster cluster = two_colors();
  EXPECT_THAT(refusal(cluster, {"web-x"}), HasSubstr("no Deployment web-x"));
  cluster.of("a").deleting = true;
  EXPECT_THAT(refusal(cluster), HasSubstr("being deleted"));
  cluster = two_colors();
  cluster.of("b").selector.match_labels.erase("color");
  EXPECT_THAT(refusal(cluster), HasSubstr("selector of Deployment web-b"));
  cluster = two_colors();
  cluster.of("a").kept_replicas = Error{"'x'"};
  EXPECT_THAT(refusal(cluster), HasSubstr("drainbow.dev/replicas"));
  cluster = two_colors();
  cluster.look.services.clear();
  EXPECT_THAT(refusal(cluster), HasSubstr("no Service"));
}

TEST(BeginSwitch, TakesAllServicesOfTheFamilyOrThoseNamed) {
  Cluster cluster = two_colors();
  cluster.look.services.push_back(service("line", "b"));
  EXPECT_EQ(begin(cluster)->services.size(), 2);
  const auto one = begin(cluster, {.deployment = "web-a", .services = {"line"}});
  ASSERT_TRUE(one);
  ASSERT_EQ(one->services.size(), 1);
  EXPECT_EQ(one->services[0].name, "line");
  EXPECT_THAT(refusal(cluster, {.deployment = "web-a", .services = {"chat"}}),
              HasSubstr("Service chat"));
}

TEST(BeginSwitch, LeavesServicesWithoutAColorAsTheyAre) {
  Cluster cluster = two_colors();
  Service every = service("every", "b");
  every.selector.erase("color");
  cluster.look.services.push_back(every);
  EXPECT_EQ(begin(cluster)->services.size(), 1);
  cluster.look.services.erase(cluster.look.services.begin());
  EXPECT_THAT(refusal(cluster), HasSubstr("names a color"));
}

TEST(PodsAreReady, WhenAsManyAsAreWanted) {
  Cluster cluster = two_colors();
  EXPECT_TRUE(pods_are_ready(cluster.of("a"), cluster.look.pods));
  cluster.pod("a", 1).ready = false;
  EXPECT_FALSE(pods_are_ready(cluster.of("a"), cluster.look.pods));
  cluster.of("a").replicas = 0;
  EXPECT_FALSE(pods_are_ready(cluster.of("a"), cluster.look.pods));
}

TEST(RenewedHold, WhenNinetySecondsAreLeft) {
  EXPECT_EQ(renewed_hold(seconds(90) + kOneMs, kNow), std::nullopt);
  EXPECT_EQ(renewed_hold(seconds(90), kNow), (DeploymentPatch{.hold_until = kNow + minutes(2)}));
  EXPECT_TRUE(renewed_hold(seconds(90) - kOneMs, kNow).has_value());
}

TEST(Repointing, NeedsTheTargetAsItWasBegunWith) {
  Cluster cluster = two_colors();
  const SwitchStart start = *begin(cluster);
  const auto problems = [&] { return codes(target_problems(start, cluster.of("a"))); };
  cluster.of("a").version.resource_version = "101";  // its status moves
  EXPECT_THAT(problems(), IsEmpty());
  cluster.mark("a", seconds(1));
  EXPECT_THAT(problems(), ElementsAre("target_marked"));
  cluster.of("a").mark = Error{"'x'"};
  EXPECT_THAT(problems(), ElementsAre("target_marked"));
  cluster.of("a").mark = {};
  cluster.of("a").replicas = 0;
  EXPECT_THAT(problems(), ElementsAre("target_at_zero"));
  cluster.of("a").scaled_at = kNow;
  EXPECT_THAT(problems(), ElementsAre("target_at_zero", "target_scaled"));
  cluster = two_colors();
  cluster.of("a").version.uid = "another";
  EXPECT_THAT(problems(), ElementsAre("target_replaced"));
  cluster = two_colors();
  cluster.of("a").deleting = true;
  EXPECT_THAT(problems(), ElementsAre("target_replaced"));
}

TEST(Repointing, NeedsThirtySecondsOfTheHold) {
  const Cluster cluster = two_colors();
  const SwitchStart start = *begin(cluster);
  const auto problems = [&](Millis left) {
    return codes(repoint_problems(start, cluster.look.deployments[0], left));
  };
  EXPECT_THAT(problems(seconds(30) - kOneMs), ElementsAre("hold_over"));
  EXPECT_THAT(problems(seconds(30)), IsEmpty());
  EXPECT_THAT(problems(seconds(30) + kOneMs), IsEmpty());
  EXPECT_THAT(problems(-seconds(1)), ElementsAre("hold_over"));
}

TEST(Repointing, ChangesTheColorAndBack) {
  const Service web = service("web", "b");
  const ServicePatch there = repointed(web, "color", "a");
  EXPECT_EQ(there, (ServicePatch{"web", web.version, {{"app", "web"}, {"color", "a"}}}));
  EXPECT_EQ(put_back(web, version("uid-web", 51)),
            (ServicePatch{"web", version("uid-web", 51), web.selector}));
}

TEST(Finishing, RecordsBothColorsAndEndsTheHold) {
  Cluster cluster = two_colors();
  cluster.of("a").hold_until = kNow + minutes(1);
  const Deployment done = patched(cluster.of("a"), finished_target(kNow));
  EXPECT_TRUE(done.hold_until.absent());
  EXPECT_EQ(*done.last_selected_at.get(), kNow);
  EXPECT_EQ(*patched(cluster.of("b"), left_color(kNow)).last_selected_at.get(), kNow);
}

Result<std::string> back_to(const Cluster& cluster) {
  return rollback_target(find_families(cluster.look, "color", {}).families.at(0));
}

TEST(Rollback, GoesToTheColorThatWasLiveLast) {
  Cluster cluster = two_colors();
  EXPECT_EQ(*back_to(cluster), "web-a");
  cluster.add(deployment("c"), 1);
  cluster.of("c").last_selected_at = kNow - minutes(59);
  EXPECT_EQ(*back_to(cluster), "web-c");
  cluster.of("c").deleting = true;
  EXPECT_EQ(*back_to(cluster), "web-a");
}

TEST(Rollback, AsksWhereItCannotKnow) {
  Cluster cluster = two_colors();
  cluster.of("a").last_selected_at = {};
  EXPECT_THAT(back_to(cluster).error().message, HasSubstr("no color is known"));
  cluster = two_colors();
  cluster.look.services.push_back(service("line", "a"));
  EXPECT_THAT(back_to(cluster).error().message, HasSubstr("--service"));
}

// With the time of now it would take the place of the color that a rollback wants.
TEST(Retire, TakesTheTimeOfItsCreation) {
  Cluster cluster = two_colors();
  EXPECT_THAT(retire(cluster.of("a")).error().message, HasSubstr("known to have been live"));
  cluster.of("a").last_selected_at = Error{"'x'"};
  EXPECT_THAT(retire(cluster.of("a")).error().message, HasSubstr("last-selected-at"));
  cluster.of("a").last_selected_at = {};
  EXPECT_EQ(*retire(cluster.of("a")), DeploymentPatch{.last_selected_at = cluster.of("a").created});
}

}  // namespace
}  // namespace drainbow
