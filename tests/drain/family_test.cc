#include "drain/family.h"

#include <gmock/gmock.h>

#include "tests/drain/cluster_builders.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::vector<std::string>> shape(const Families& families) {
  std::vector<std::vector<std::string>> all;
  for (const Family& family : families.families) {
    all.emplace_back();
    for (const Color& color : family.colors) all.back().push_back(color.deployment.name);
  }
  return all;
}

std::vector<std::string> orphans(const Families& families) {
  std::vector<std::string> names;
  for (const Color& color : families.orphans) names.push_back(color.deployment.name);
  return names;
}

Families families_of(const Cluster& cluster) { return find_families(cluster.look, "color", {}); }

Deployment of_app(const std::string& app, const std::string& color) {
  Deployment made = deployment(color);
  made.name = app + "-" + color;
  made.version.uid = "uid-" + made.name;
  made.template_labels["app"] = app;
  made.selector.match_labels["app"] = app;
  return made;
}

TEST(Families, AServicesSelectorWithoutTheColorMakesOne) {
  EXPECT_THAT(shape(families_of(two_colors())), ElementsAre(ElementsAre("web-a", "web-b")));
}

TEST(Families, AppsApart) {
  Cluster cluster = two_colors();
  cluster.add(of_app("chat", "a"), 1);
  Service chat = service("chat", "a");
  chat.selector["app"] = "chat";
  cluster.look.services.push_back(chat);
  EXPECT_THAT(shape(families_of(cluster)),
              ElementsAre(ElementsAre("chat-a"), ElementsAre("web-a", "web-b")));
}

// One Service selects by app, another by tier: web-a has both labels and joins the two.
TEST(Families, ThatShareADeploymentAreOne) {
  Cluster cluster = two_colors();
  cluster.of("a").template_labels["tier"] = "front";
  Deployment chat = of_app("chat", "c");
  chat.template_labels["tier"] = "front";
  cluster.add(chat, 1);
  Service tier{.name = "tier",
               .version = version("uid-tier", 1),
               .selector = {{"tier", "front"}, {"color", "c"}}};
  cluster.look.services.push_back(tier);
  const Families families = families_of(cluster);
  EXPECT_THAT(shape(families), ElementsAre(ElementsAre("chat-c", "web-a", "web-b")));
  ASSERT_EQ(families.families[0].services.size(), 2);
  EXPECT_EQ(families.families[0].services[0].name, "tier");
}

TEST(Families, ADeploymentWithoutTheColorKeyIsNoColor) {
  Cluster cluster = two_colors();
  cluster.of("a").template_labels.erase("color");
  EXPECT_THAT(shape(families_of(cluster)), ElementsAre(ElementsAre("web-b")));
  EXPECT_THAT(orphans(families_of(cluster)), IsEmpty());
}

TEST(Families, AColorAllOfWhoseServicesAreGoneIsAnOrphan) {
  Cluster cluster = two_colors();
  cluster.look.services.clear();
  EXPECT_THAT(shape(families_of(cluster)), IsEmpty());
  EXPECT_THAT(orphans(families_of(cluster)), ElementsAre("web-a", "web-b"));
}

TEST(Families, AnIgnoredServiceMakesNone) {
  Cluster cluster = two_colors();
  cluster.service_named("web").ignored = true;
  EXPECT_THAT(orphans(families_of(cluster)), ElementsAre("web-a", "web-b"));
}

// {color: b} alone selects, but says nothing about which colors belong together.
TEST(Families, AnEmptyRestMakesNone) {
  Cluster cluster = two_colors();
  cluster.service_named("web").selector.erase("app");
  const Families families = families_of(cluster);
  EXPECT_THAT(shape(families), ElementsAre(ElementsAre("web-b")));
  EXPECT_THAT(orphans(families), ElementsAre("web-a"));
}

TEST(Families, TheServiceOfAnEmptyRestBelongsToEachFamily) {
  Cluster cluster = two_colors();
  Service bare = service("bare", "x");
  bare.selector.erase("app");
  cluster.look.services.push_back(bare);
  const Families families = families_of(cluster);
  EXPECT_THAT(shape(families), ElementsAre(ElementsAre("web-a", "web-b")));
  ASSERT_EQ(families.families[0].services.size(), 2);
  EXPECT_EQ(families.families[0].services[0].name, "bare");
}

TEST(Families, AServiceThatSelectsNothingHasNoFamily) {
  Cluster cluster = two_colors();
  cluster.look.services.push_back({.name = "no-selector", .version = version("n", 1)});
  EXPECT_EQ(families_of(cluster).families[0].services.size(), 1);
}

TEST(Families, AServiceWithoutAColorSelectsEveryColor) {
  Cluster cluster = two_colors();
  cluster.service_named("web").selector.erase("color");
  const Color a = color_of(cluster.look, "a");
  EXPECT_THAT(a.selected_by, ElementsAre("web"));
  ASSERT_THAT(codes(a.notes), ElementsAre("service_without_color"));
  EXPECT_THAT(a.notes[0].message, HasSubstr("drainbow.dev/ignore"));
}

TEST(Selected, ByTheTemplate) {
  Cluster cluster = two_colors();
  cluster.remove_pods("b");
  EXPECT_TRUE(color_of(cluster.look, "b").selected());
  EXPECT_FALSE(color_of(cluster.look, "a").selected());
}

TEST(Selected, ByTheLabelsOfAnyPod) {
  Cluster cluster = two_colors();
  cluster.of("a").selector.match_labels = {{"release", "a"}};
  cluster.pod("a", 0).labels["release"] = "a";
  cluster.pod("a", 1).labels = {{"release", "a"}, {"app", "web"}, {"color", "b"}};
  EXPECT_THAT(color_of(cluster.look, "a").selected_by, ElementsAre("web"));
}

TEST(Selected, NotByAnIgnoredService) {
  Cluster cluster = two_colors();
  Service pin = service("pin-a", "a");
  pin.ignored = true;
  cluster.look.services.push_back(pin);
  EXPECT_FALSE(color_of(cluster.look, "a").selected());
  cluster.service_named("pin-a").ignored = false;
  EXPECT_TRUE(color_of(cluster.look, "a").selected());
}

TEST(PodsOfAColor, AreThoseThatItsSelectorMatches) {
  Cluster cluster = two_colors();
  EXPECT_EQ(color_of(cluster.look, "a").pods.size(), 2);
  cluster.pod("a", 1).labels["app"] = "edited";
  EXPECT_EQ(color_of(cluster.look, "a").pods.size(), 1);
}

TEST(Overlap, OfSelectorsIsSeenOnPodsAndTemplates) {
  Cluster cluster = two_colors();
  EXPECT_THAT(color_of(cluster.look, "a").overlaps, IsEmpty());
  cluster.of("b").selector.match_labels.erase("color");  // the original demo
  EXPECT_THAT(color_of(cluster.look, "a").overlaps, ElementsAre("web-b"));
  EXPECT_THAT(color_of(cluster.look, "b").overlaps, ElementsAre("web-a"));
  cluster.remove_pods("a");
  EXPECT_THAT(color_of(cluster.look, "a").overlaps, ElementsAre("web-b"));
}

// Slices veto: by uid, by address where there is no uid, in whatever Service but an ignored one.
TEST(Slices, HoldAPodByUidOrElseByAddress) {
  Cluster cluster = two_colors();
  const auto slices = [&] { return color_of(cluster.look, "a").slices; };
  EXPECT_THAT(slices(), IsEmpty());
  EndpointSlice& slice = cluster.look.slices[0];
  slice.endpoints = {{cluster.pod("a", 1).uid, {}}};
  EXPECT_THAT(slices(), ElementsAre("web-slice"));
  slice.endpoints = {{"", cluster.pod("a", 1).ips}};
  EXPECT_THAT(slices(), ElementsAre("web-slice"));
  slice.endpoints = {{"uid-of-another", cluster.pod("a", 1).ips}};  // the address was given on
  EXPECT_THAT(slices(), IsEmpty());
}

TEST(Slices, OfAnIgnoredServiceDoNotCount) {
  Cluster cluster = two_colors();
  cluster.add_slice("pin-a", "a");
  EXPECT_THAT(color_of(cluster.look, "a").slices, ElementsAre("pin-a-slice"));
  Service pin = service("pin-a", "a");
  pin.ignored = true;
  cluster.look.services.push_back(pin);
  EXPECT_THAT(color_of(cluster.look, "a").slices, IsEmpty());
}

TEST(Slices, OfNoServiceCount) {
  Cluster cluster = two_colors();
  cluster.add_slice("", "a");
  EXPECT_THAT(color_of(cluster.look, "a").slices, ElementsAre("-slice"));
}

TEST(Slices, APodThatHasEndedDoesNotCount) {
  Cluster cluster = two_colors();
  cluster.look.slices[0].endpoints = {{cluster.pod("a", 1).uid, {}}};
  for (const PodPhase phase : {PodPhase::kFailed, PodPhase::kSucceeded}) {
    cluster.pod("a", 1).phase = phase;
    EXPECT_THAT(color_of(cluster.look, "a").slices, IsEmpty());
  }
}

TEST(LabelSelectors, MatchAsKubernetesSays) {
  using enum LabelRequirement::Operator;
  const Labels labels = {{"app", "web"}, {"color", "a"}};
  const auto with = [&](LabelRequirement requirement) {
    return matches({.match_expressions = {std::move(requirement)}}, labels);
  };
  EXPECT_FALSE(matches(LabelSelector{}, labels));
  EXPECT_TRUE(matches({.match_labels = {{"app", "web"}}}, labels));
  EXPECT_FALSE(matches({.match_labels = {{"app", "chat"}}}, labels));
  EXPECT_TRUE(with({"color", kIn, {"b", "a"}}));
  EXPECT_FALSE(with({"color", kIn, {"b"}}));
  EXPECT_FALSE(with({"tier", kIn, {"b"}}));
  EXPECT_TRUE(with({"color", kNotIn, {"b"}}));
  EXPECT_FALSE(with({"color", kNotIn, {"a"}}));
  EXPECT_TRUE(with({"tier", kNotIn, {"b"}}));
  EXPECT_TRUE(with({"color", kExists, {}}));
  EXPECT_FALSE(with({"tier", kExists, {}}));
  EXPECT_FALSE(with({"color", kDoesNotExist, {}}));
  EXPECT_TRUE(with({"tier", kDoesNotExist, {}}));
  // All of it must match.
  EXPECT_FALSE(matches(
      {.match_labels = {{"app", "web"}}, .match_expressions = {{"tier", kExists, {}}}}, labels));
  EXPECT_FALSE(matches(
      {.match_labels = {{"app", "chat"}}, .match_expressions = {{"color", kExists, {}}}}, labels));
}

TEST(PolicyOrder, DeploymentThenServiceThenFlag) {
  Cluster cluster = two_colors();
  const auto threshold = [&] { return color_of(cluster.look, "a").policy->threshold; };
  EXPECT_EQ(threshold(), 0);
  cluster.service_named("web").policy.threshold = std::uint64_t{3};
  EXPECT_EQ(threshold(), 3);
  cluster.of("a").policy.threshold = std::uint64_t{5};
  EXPECT_EQ(threshold(), 5);
  EXPECT_EQ(color_of(cluster.look, "b").policy->threshold, 3);
}

TEST(PolicyOrder, OfTwoServicesTheStrictestAnnotationHolds) {
  Cluster cluster = two_colors();
  cluster.look.services.push_back(service("line", "b"));
  PolicyOverrides& web = cluster.service_named("web").policy;
  web = {.threshold = std::uint64_t{3},
         .ignore_idle = std::optional<Millis>(hours(48)),
         .keep = std::uint64_t{2},
         .retain = Millis(hours(1)),
         .min_color_age = Millis(hours(1))};
  const Policy one_speaks = *color_of(cluster.look, "a").policy;
  EXPECT_EQ(one_speaks.threshold, 3);
  EXPECT_EQ(one_speaks.ignore_idle, hours(48));
  cluster.service_named("line").policy = {.threshold = std::uint64_t{2},
                                          .ignore_idle = std::optional<Millis>(),
                                          .keep = std::uint64_t{1},
                                          .retain = Millis(hours(2)),
                                          .min_color_age = Millis(hours(2))};
  const Policy both = *color_of(cluster.look, "a").policy;
  EXPECT_EQ(both.threshold, 2);
  EXPECT_EQ(both.ignore_idle, std::nullopt);
  EXPECT_EQ(both.keep, 2);
  EXPECT_EQ(both.retain, hours(2));
  EXPECT_EQ(both.min_color_age, hours(2));
  cluster.service_named("line").policy.ignore_idle = std::optional<Millis>(hours(24));
  EXPECT_EQ(color_of(cluster.look, "a").policy->ignore_idle, hours(48));
}

// A merged family whose other part says nothing has the flag's word there.
TEST(PolicyOrder, OfMergedFamiliesEveryOneMustAllow) {
  Cluster cluster = two_colors();
  cluster.of("a").template_labels["tier"] = "front";
  cluster.look.services.push_back({.name = "tier",
                                   .version = version("uid-tier", 1),
                                   .selector = {{"tier", "front"}, {"color", "x"}}});
  cluster.service_named("web").policy.threshold = std::uint64_t{3};
  EXPECT_EQ(color_of(cluster.look, "a").policy->threshold, 0);
  cluster.service_named("tier").policy.threshold = std::uint64_t{2};
  EXPECT_EQ(color_of(cluster.look, "a").policy->threshold, 2);
  EXPECT_EQ(color_of(cluster.look, "b").policy->threshold, 2);
}

TEST(PolicyOrder, WhatCannotBeReadIsAnErrorEvenBehindAReadableOne) {
  Cluster cluster = two_colors();
  cluster.of("a").policy.keep = std::uint64_t{1};
  cluster.service_named("web").policy.keep = Error{"'many' is not a number"};
  const Color a = color_of(cluster.look, "a");
  ASSERT_FALSE(a.policy);
  EXPECT_EQ(a.policy.error().message,
            "annotation drainbow.dev/keep of Service web: 'many' is not a number");
  cluster.service_named("web").policy.keep = {};
  cluster.of("a").policy.retain = Error{"'x'"};
  EXPECT_FALSE(color_of(cluster.look, "a").policy);
  EXPECT_TRUE(color_of(cluster.look, "b").policy);
}

TEST(PolicyOrder, EveryAnnotationThatCannotBeReadIsNamedWhereItStands) {
  const Error bad{"'x' is not what it should be"};
  const std::map<std::string, PolicyOverrides> unreadable = {
      {"threshold", {.threshold = bad}},
      {"ignore-idle", {.ignore_idle = bad}},
      {"keep", {.keep = bad}},
      {"retain", {.retain = bad}},
      {"min-color-age", {.min_color_age = bad}}};
  for (const auto& [name, overrides] : unreadable) {
    Cluster of_deployment = two_colors();
    of_deployment.of("a").policy = overrides;
    const Color a = color_of(of_deployment.look, "a");
    ASSERT_FALSE(a.policy) << name;
    EXPECT_EQ(a.policy.error().message, "annotation drainbow.dev/" + name + " of Deployment " +
                                            a.deployment.name + ": " + bad.message);
    Cluster of_service = two_colors();
    of_service.service_named("web").policy = overrides;
    const Color b = color_of(of_service.look, "b");
    ASSERT_FALSE(b.policy) << name;
    EXPECT_EQ(b.policy.error().message,
              "annotation drainbow.dev/" + name + " of Service web: " + bad.message);
  }
}

}  // namespace
}  // namespace drainbow
