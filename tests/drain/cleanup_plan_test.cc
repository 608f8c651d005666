#include "drain/cleanup_plan.h"

#include <gmock/gmock.h>

#include "tests/drain/cluster_builders.h"

namespace drainbow {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum ActionKind;

// --- the table: each line, before all below it ----------------------------------------------

TEST(CleanupTable, EachLineGoesBeforeAllBelowIt) {
  ColorFacts facts = {.deleting = true,
                      .selected = true,
                      .held = true,
                      .is_protected = true,
                      .unreadable = true,
                      .marked = true,
                      .scaled = true,
                      .at_zero = false,
                      .live_is_well = false,
                      .pod_still_there = true,
                      .verified = true,
                      .retained = false,
                      .drained = false,
                      .kept = true,
                      .young = true,
                      .in_slice = true,
                      .mark_matches = false,
                      .mark_is_young = true};
  const auto expect = [&](ActionKind kind, std::string_view code) {
    EXPECT_EQ(first_line(facts).action, kind) << code;
    EXPECT_EQ(first_line(facts).code, code);
  };
  expect(kLeave, "deleting");
  facts.deleting = false;
  expect(kRestore, "restored");
  facts.scaled = false;
  expect(kUnmark, "selected");
  facts.selected = false;
  facts.scaled = true;
  expect(kUnmark, "held");
  facts.held = false;
  expect(kUnmark, "protected");
  facts.is_protected = false;
  expect(kUnmark, "unreadable");
  facts.unreadable = false;
  expect(kUnmark, "raised");
  facts.at_zero = true;
  expect(kLeave, "live_not_well");
  facts.live_is_well = true;
  expect(kWait, "pods_left");
  facts.pod_still_there = false;
  expect(kDelete, "unused");
  facts.retained = true;
  expect(kWait, "scaled");
  facts.retained = false;
  facts.verified = false;
  expect(kWait, "scaled");
  facts.scaled = false;
  for (bool ColorFacts::* blocker :
       {&ColorFacts::kept, &ColorFacts::young, &ColorFacts::in_slice}) {
    ColorFacts one = facts;
    one.drained = true;
    one.kept = one.young = one.in_slice = false;
    one.*blocker = true;
    EXPECT_EQ(first_line(one).action, kUnmark);
    EXPECT_EQ(first_line(one).code, "not_drained");
  }
  expect(kUnmark, "not_drained");
  facts.drained = true;
  facts.kept = facts.young = facts.in_slice = false;
  expect(kMark, "found_drained");
  facts.mark_matches = true;
  expect(kWait, "confirming");
  facts.mark_is_young = false;
  expect(kScaleToZero, "confirmed");
}

TEST(CleanupTable, WithoutAMarkThereIsNothingToUnmark) {
  EXPECT_EQ(first_line({.selected = true}).action, kLeave);
  EXPECT_EQ(first_line({.held = true}).action, kLeave);
  EXPECT_EQ(first_line({.is_protected = true}).action, kLeave);
  EXPECT_EQ(first_line({.unreadable = true}).action, kLeave);
  EXPECT_EQ(first_line({.live_is_well = true}).action, kLeave);
}

// Whatever the facts: what is selected, held or protected is never taken away, and neither is
// anything while the color that should serve does not.
TEST(CleanupTable, InNoCombinationDoesDoubtTakeAColorAway) {
  bool ColorFacts::* const fields[] = {
      &ColorFacts::deleting,        &ColorFacts::selected,     &ColorFacts::held,
      &ColorFacts::is_protected,    &ColorFacts::unreadable,   &ColorFacts::marked,
      &ColorFacts::scaled,          &ColorFacts::at_zero,      &ColorFacts::live_is_well,
      &ColorFacts::pod_still_there, &ColorFacts::verified,     &ColorFacts::retained,
      &ColorFacts::drained,         &ColorFacts::kept,         &ColorFacts::young,
      &ColorFacts::in_slice,        &ColorFacts::mark_matches, &ColorFacts::mark_is_young};
  for (unsigned bits = 0; bits < 1U << std::size(fields); ++bits) {
    ColorFacts facts;
    for (std::size_t i = 0; i < std::size(fields); ++i) facts.*fields[i] = (bits >> i & 1U) != 0;
    const ActionKind kind = first_line(facts).action;
    const bool scale = !facts.deleting && !facts.selected && !facts.held && !facts.is_protected &&
                       !facts.unreadable && facts.live_is_well && !facts.scaled && facts.drained &&
                       !facts.kept && !facts.young && !facts.in_slice && facts.mark_matches &&
                       !facts.mark_is_young;
    const bool remove = !facts.deleting && !facts.selected && !facts.held && !facts.is_protected &&
                        !facts.unreadable && facts.live_is_well && facts.scaled && facts.at_zero &&
                        !facts.pod_still_there && facts.verified && !facts.retained;
    ASSERT_EQ(kind == kScaleToZero, scale) << bits;
    ASSERT_EQ(kind == kDelete, remove) << bits;
    ASSERT_EQ(kind == kRestore, facts.selected && facts.scaled && !facts.deleting) << bits;
  }
}

// --- the life of a drained color ---------------------------------------------------------------

TEST(ADrainedColor, IsMarked) {
  const Cluster cluster = two_colors();
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kMark);
  EXPECT_EQ(action.judged, cluster.look.deployments[0].version);
  ASSERT_NE(action.patch.mark.sets(), nullptr);
  const Mark& mark = *action.patch.mark.sets();
  EXPECT_EQ(mark.at, kNow);
  EXPECT_EQ(mark.episodes.at("uid-web-a-0"), "start-web-a-0:1");
  EXPECT_EQ(mark.episodes.at("uid-web-a-1"), "start-web-a-1:1");
  EXPECT_EQ(mark.services.at("web"), version("uid-web", 50));
  EXPECT_EQ(action.patch.replicas, std::nullopt);
}

TEST(ADrainedColor, WaitsUntilTheMarkIsOldEnough) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(5) - kOneS);
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  EXPECT_TRUE(action_on(cluster.look, "a").patch.empty());
  cluster.mark("a", minutes(5));
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
  cluster.mark("a", minutes(5) + kOneS);
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
}

TEST(ADrainedColor, ConfirmAfterIsAtLeastAMinute) {
  Cluster cluster = two_colors();
  const CleanupConfig hasty = {.policy = {.keep = 0, .confirm_after = seconds(0)}};
  cluster.mark("a", seconds(59));
  EXPECT_EQ(kind_of(cluster.look, "a", hasty), kWait);
  cluster.mark("a", seconds(60));
  EXPECT_EQ(kind_of(cluster.look, "a", hasty), kScaleToZero);
}

TEST(ADrainedColor, IsScaledToZeroInOnePatch) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.patch,
            (DeploymentPatch{.replicas = 0, .scaled_at = kNow, .kept_replicas = std::uint64_t{2}}));
}

TEST(ADrainedColor, IsMarkedWithItsPodsTheServicesAndTheEvidence) {
  const Cluster cluster = two_colors();
  const Action action = action_on(cluster.look, "a");
  const Mark* const mark = action.patch.mark.sets();
  ASSERT_NE(mark, nullptr);
  Mark expected{.at = kNow, .episodes = action.judgement.episodes};
  for (const Service& one : cluster.look.services) expected.services[one.name] = one.version;
  EXPECT_NE(*mark, expected) << "without evidence";
  expected.evidence = action.judgement.reasons.at(0).message;
  EXPECT_EQ(*mark, expected);
  EXPECT_FALSE(expected.episodes.empty() || expected.services.empty());
  // A mark that differs in anything is another one.
  Mark other = expected;
  other.services.clear();
  EXPECT_NE(*mark, other);
  other = expected;
  other.episodes.clear();
  EXPECT_NE(*mark, other);
  other = expected;
  other.at += seconds(1);
  EXPECT_NE(*mark, other);
}

TEST(ADrainedColor, ThatAPersonScaledToZeroGoesTheSameWay) {
  Cluster cluster = two_colors();
  cluster.of("a").replicas = 0;
  cluster.remove_pods("a");
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  cluster.mark("a", minutes(6));
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
  EXPECT_EQ(*action_on(cluster.look, "a").patch.kept_replicas.sets(), 0);
}

// --- the mark must match -----------------------------------------------------------------------

TEST(TheMark, DoesNotMatchAnotherEpisode) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.document("a", 1).episode = "start-web-a-1:2";
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  EXPECT_EQ(action_on(cluster.look, "a").patch.mark.sets()->at, kNow);
  EXPECT_THAT(codes(action_on(cluster.look, "a").reasons), Contains("episode_changed"));
}

TEST(TheMark, DoesNotMatchAPodThatWasNotThere) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  Mark mark = *cluster.of("a").mark.get();
  mark.episodes.erase("uid-web-a-1");
  cluster.of("a").mark = mark;
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  EXPECT_THAT(codes(action_on(cluster.look, "a").reasons), Contains("pod_is_new"));
}

TEST(TheMark, MatchesWhenAPodIsGone) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  std::erase_if(cluster.look.pods, [](const Pod& pod) { return pod.name == "web-a-1"; });
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
}

struct ServiceChange {
  const char* name;
  void (*change)(Cluster&);
};
void PrintTo(const ServiceChange& change, std::ostream* out) { *out << change.name; }

const ServiceChange kServiceChanges[] = {
    {"Written", [](Cluster& c) { c.service_named("web").version.resource_version = "51"; }},
    {"Replaced", [](Cluster& c) { c.service_named("web").version.uid = "another"; }},
    {"New", [](Cluster& c) { c.look.services.push_back(service("line", "b")); }},
    {"NewOfAnEmptyRest",
     [](Cluster& c) {
       c.look.services.push_back(service("bare", "x"));
       c.look.services.back().selector.erase("app");
     }},
    {"Gone",
     [](Cluster& c) {
       Mark mark = *c.of("a").mark.get();
       mark.services["line"] = version("uid-line", 1);
       c.of("a").mark = mark;
     }},
};

class TheMarkAndAService : public ::testing::TestWithParam<ServiceChange> {};

TEST_P(TheMarkAndAService, DoNotMatchAfterAChange) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  ASSERT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
  GetParam().change(cluster);
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  EXPECT_THAT(codes(action_on(cluster.look, "a").reasons), Contains("service_changed"));
}

INSTANTIATE_TEST_SUITE_P(All, TheMarkAndAService, ::testing::ValuesIn(kServiceChanges),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(TheMark, AnIgnoredOrUnrelatedServiceIsNoPartOfIt) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.look.services.push_back(service("pin-a", "a"));
  cluster.look.services.back().ignored = true;
  cluster.look.services.push_back(service("chat", "x"));
  cluster.look.services.back().selector["app"] = "chat";
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
}

TEST(TheMark, NamesWhoWritesAService) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.service_named("web").version.resource_version = "51";
  cluster.service_named("web").written_by = "argocd-controller";
  EXPECT_THAT(action_on(cluster.look, "a").reasons.back().message,
              HasSubstr("Service web was written since, last by argocd-controller"));
}

TEST(TheMark, FromTheFutureIsWaitedForOrMadeAnew) {
  Cluster cluster = two_colors();
  cluster.mark("a", -minutes(5));
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  cluster.mark("a", -minutes(5) - kOneS);
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
}

// --- what holds a color back -------------------------------------------------------------------

struct Blocker {
  const char* name;
  const char* code;
  void (*block)(Cluster&);
};
void PrintTo(const Blocker& blocker, std::ostream* out) { *out << blocker.name; }

const Blocker kBlockers[] = {
    {"Selected", "selected", [](Cluster& c) { c.service_named("web").selector["color"] = "a"; }},
    {"Held", "held", [](Cluster& c) { c.of("a").hold_until = kNow + kOneS; }},
    {"HoldUnreadable", "malformed_annotation",
     [](Cluster& c) { c.of("a").hold_until = Error{"'soon' is not a UTC time"}; }},
    {"Protected", "protected", [](Cluster& c) { c.of("a").protect = true; }},
    {"ProtectUnreadable", "malformed_annotation",
     [](Cluster& c) { c.of("a").protect = Error{"'yes' is neither true nor false"}; }},
    {"PolicyUnreadable", "malformed_annotation",
     [](Cluster& c) { c.of("a").policy.retain = Error{"'long'"}; }},
    {"ReplicasUnreadable", "malformed_annotation",
     [](Cluster& c) { c.of("a").kept_replicas = Error{"'-1'"}; }},
    {"LastSelectedUnreadable", "malformed_annotation",
     [](Cluster& c) { c.of("a").last_selected_at = Error{"'x'"}; }},
    {"Draining", "open_connections", [](Cluster& c) { c.document("a", 1).open = 1; }},
    {"Unknown", "silent", [](Cluster& c) { c.answer("a", 1).document.reset(); }},
    {"Standby", "never_selected",
     [](Cluster& c) {
       c.of("a").last_selected_at = {};
       for (const int i : {0, 1}) c.document("a", i).ever_selected = false;
     }},
    {"Empty", "empty", [](Cluster& c) { c.remove_pods("a"); }},
    {"Young", "young", [](Cluster& c) { c.of("a").created = kNow - minutes(10) + kOneS; }},
    {"Kept", "kept", [](Cluster& c) { c.of("a").policy.keep = std::uint64_t{1}; }},
    {"InASlice", "in_slice",
     [](Cluster& c) { c.look.slices[0].endpoints.push_back({c.pod("a", 0).uid, {}}); }},
};

class Blocked : public ::testing::TestWithParam<Blocker> {};

TEST_P(Blocked, LosesItsMark) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  ASSERT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
  GetParam().block(cluster);
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kUnmark);
  EXPECT_TRUE(action.patch.mark.drops());
  EXPECT_EQ(action.patch.replicas, std::nullopt);
  EXPECT_THAT(codes(action.reasons), Contains(GetParam().code));
}

TEST_P(Blocked, IsNotMarked) {
  Cluster cluster = two_colors();
  GetParam().block(cluster);
  const Action action = action_on(cluster.look, "a");
  EXPECT_TRUE(action.kind == kLeave || action.kind == kRecord) << to_string(action.kind);
  EXPECT_TRUE(action.patch.mark.leaves());
}

INSTANTIATE_TEST_SUITE_P(All, Blocked, ::testing::ValuesIn(kBlockers),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Deadlines, OfTheHold) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.of("a").hold_until = kNow + kOneS;
  EXPECT_EQ(kind_of(cluster.look, "a"), kUnmark);
  cluster.of("a").hold_until = kNow;
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
  cluster.of("a").hold_until = kNow - kOneS;
  EXPECT_EQ(kind_of(cluster.look, "a"), kScaleToZero);
}

TEST(Deadlines, OfTheColorsAge) {
  Cluster cluster = two_colors();
  cluster.of("a").created = kNow - minutes(10) + kOneS;
  EXPECT_NE(kind_of(cluster.look, "a"), kMark);
  cluster.of("a").created = kNow - minutes(10);
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  cluster.of("a").created = kNow - minutes(10) - kOneS;
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
}

TEST(Protect, FalseIsNoProtection) {
  Cluster cluster = two_colors();
  cluster.of("a").protect = false;
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
}

TEST(AMarkThatCannotBeRead, IsMadeAnewAndNeverTrusted) {
  Cluster cluster = two_colors();
  cluster.of("a").mark = Error{"'{' is no mark"};
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kMark);
  EXPECT_EQ(action.patch.mark.sets()->at, kNow);
  EXPECT_THAT(codes(action.reasons), Contains("malformed_annotation"));
}

TEST(ADeploymentThatSomebodyDeletes, IsLeft) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.of("a").deleting = true;
  cluster.of("a").last_selected_at = {};
  EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
  EXPECT_TRUE(action_on(cluster.look, "a").patch.empty());
}

// --- the live color must serve -----------------------------------------------------------------

TEST(WithoutALiveColorThatServes, NothingIsTakenAwayAndNothingUnmarked) {
  const auto expect_nothing = [](Cluster cluster, const char* code) {
    cluster.mark("a", minutes(6));
    EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
    EXPECT_THAT(codes(action_on(cluster.look, "a").reasons), Contains(code));
    cluster.scale_to_zero("a", hours(1));
    EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
  };
  Cluster cluster = two_colors();
  cluster.service_named("web").selector["color"] = "x";
  expect_nothing(cluster, "no_live_color");
  cluster = two_colors();
  cluster.of("b").available = false;
  expect_nothing(cluster, "live_not_available");
  cluster = two_colors();
  for (const int i : {0, 1}) cluster.pod("b", i).ready = false;
  expect_nothing(cluster, "live_without_ready_pod");
}

TEST(WithSeveralLiveColors, EachMustServe) {
  Cluster cluster = two_colors();
  cluster.add(deployment("c"), 1);
  cluster.look.services.push_back(service("canary", "c"));
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  cluster.pod("c", 0).ready = false;
  EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
}

TEST(OneReadyPod, IsEnough) {
  Cluster cluster = two_colors();
  cluster.pod("b", 0).ready = false;
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
}

// --- scaled colors follow their own lines --------------------------------------------------------

TEST(AScaledColor, IsNotJudgedByItsVerdict) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.scale_to_zero("a", seconds(10));
  cluster.of("a").policy.keep = std::uint64_t{5};
  cluster.of("a").created = kNow;
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
}

TEST(AScaledColor, WaitsForItsPods) {
  Cluster cluster = two_colors();
  const std::vector<Pod> pods = cluster.look.pods;
  cluster.scale_to_zero("a", hours(1));
  cluster.look.pods = pods;
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  EXPECT_EQ(action_on(cluster.look, "a").reasons[0].code, "pods_left");
  for (const int i : {0, 1}) cluster.pod("a", i).phase = PodPhase::kFailed;
  EXPECT_EQ(kind_of(cluster.look, "a"), kDelete);
}

TEST(AScaledColor, IsDeletedWhenVerified) {
  Cluster cluster = two_colors();
  cluster.scale_to_zero("a", seconds(30) - kOneS);
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  cluster.of("a").scaled_at = kNow - seconds(30);
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  cluster.of("a").scaled_at = kNow - seconds(31);
  EXPECT_EQ(kind_of(cluster.look, "a"), kDelete);
  EXPECT_TRUE(action_on(cluster.look, "a").patch.empty());
}

TEST(AScaledColor, IsRetained) {
  Cluster cluster = two_colors();
  cluster.of("a").policy.retain = Millis(hours(1));
  cluster.scale_to_zero("a", hours(1) - kOneS);
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  cluster.of("a").scaled_at = kNow - hours(1);
  EXPECT_EQ(kind_of(cluster.look, "a"), kDelete);
  cluster.of("a").scaled_at = kNow - hours(1) - kOneS;
  EXPECT_EQ(kind_of(cluster.look, "a"), kDelete);
}

TEST(AScaledColor, WithATimeThatCannotBeReadIsNeverDeleted) {
  Cluster cluster = two_colors();
  cluster.scale_to_zero("a", hours(1));
  cluster.of("a").scaled_at = Error{"'x'"};
  EXPECT_EQ(kind_of(cluster.look, "a"), kWait);
  EXPECT_THAT(codes(action_on(cluster.look, "a").reasons), Contains("malformed_annotation"));
}

TEST(AScaledColor, HeldOrProtectedIsNotDeleted) {
  Cluster cluster = two_colors();
  cluster.scale_to_zero("a", hours(1));
  cluster.of("a").hold_until = kNow + kOneS;
  EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
  cluster.of("a").hold_until = {};
  cluster.of("a").protect = true;
  EXPECT_EQ(kind_of(cluster.look, "a"), kLeave);
}

TEST(AScaledColor, ThatSomethingRaisedIsNoLongerOne) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.scale_to_zero("a", hours(1));
  cluster.of("a").replicas = 3;
  cluster.of("a").replicas_set_by = "kube-controller-manager";
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kUnmark);
  EXPECT_TRUE(action.patch.mark.drops());
  EXPECT_TRUE(action.patch.scaled_at.drops());
  EXPECT_TRUE(action.patch.kept_replicas.drops());
  EXPECT_EQ(action.patch.replicas, std::nullopt);
  EXPECT_THAT(action.reasons[0].message, HasSubstr("kube-controller-manager raised it to 3"));
}

// An un-marked scaled color stays a scaled one: its replicas would be lost otherwise.
TEST(AScaledColor, ThatIsHeldKeepsWhatARestoreNeeds) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.scale_to_zero("a", hours(1));
  cluster.of("a").hold_until = kNow + kOneS;
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kUnmark);
  EXPECT_TRUE(action.patch.scaled_at.leaves());
  EXPECT_TRUE(action.patch.kept_replicas.leaves());
}

// --- restore -----------------------------------------------------------------------------------

Cluster selected_at_zero(std::uint64_t kept) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.scale_to_zero("a", seconds(10));
  cluster.of("a").kept_replicas = kept;
  cluster.service_named("web").selector["color"] = "a";
  return cluster;
}

TEST(Restore, DropsTheMarkAndTheScaling) {
  const Action action = action_on(selected_at_zero(2).look, "a");
  EXPECT_EQ(action.kind, kRestore);
  EXPECT_TRUE(action.patch.mark.drops());
  EXPECT_TRUE(action.patch.scaled_at.drops());
  EXPECT_TRUE(action.patch.kept_replicas.drops());
  EXPECT_TRUE(action.patch.hold_until.leaves());
}

TEST(Restore, GivesAsManyAsItHadOrTheOtherColorNeedsAndAtLeastOne) {
  const auto replicas = [](const Cluster& cluster) {
    return action_on(cluster.look, "a").patch.replicas.value_or(0);
  };
  EXPECT_EQ(replicas(selected_at_zero(5)), 5);
  EXPECT_EQ(replicas(selected_at_zero(1)), 2);  // b has two ready pods
  Cluster cluster = selected_at_zero(0);
  cluster.remove_pods("b");
  EXPECT_EQ(replicas(cluster), 1);
  cluster.of("a").kept_replicas = Error{"'many'"};
  EXPECT_EQ(replicas(cluster), 1);
}

// Somebody was faster: a restore must not take pods away from a color that is live.
TEST(Restore, NeverTakesPodsAway) {
  Cluster cluster = selected_at_zero(2);
  cluster.of("a").replicas = 9;
  EXPECT_EQ(action_on(cluster.look, "a").kind, kRestore);
  EXPECT_EQ(action_on(cluster.look, "a").patch.replicas, 9);
}

TEST(Restore, GoesBeforeHoldProtectionAndWhatCannotBeRead) {
  Cluster cluster = selected_at_zero(2);
  cluster.of("a").hold_until = kNow + hours(1);
  cluster.of("a").protect = true;
  cluster.of("a").scaled_at = Error{"'x'"};
  cluster.of("a").policy.keep = Error{"'x'"};
  EXPECT_EQ(kind_of(cluster.look, "a"), kRestore);
}

TEST(ASelectedColorAtZero, ThatDrainbowDidNotScaleIsNotRestored) {
  Cluster cluster = two_colors();
  cluster.of("b").replicas = 0;
  cluster.remove_pods("b");
  EXPECT_EQ(kind_of(cluster.look, "b"), kLeave);
  EXPECT_THAT(codes(action_on(cluster.look, "b").reasons),
              ElementsAre("selected", "selected_at_zero"));
}

// --- keep ----------------------------------------------------------------------------------------

// a was left before c: --keep 1 keeps c.
Cluster three_colors() {
  Cluster cluster = two_colors();
  cluster.add(deployment("c"), 1);
  cluster.of("c").last_selected_at = kNow - minutes(30);
  cluster.document("c", 0).deselected_for = minutes(30);
  return cluster;
}

TEST(Keep, TheOnesThatWereLiveLast) {
  const Cluster cluster = three_colors();
  const CleanupConfig keep_one = {};
  EXPECT_EQ(kind_of(cluster.look, "a", keep_one), kMark);
  EXPECT_EQ(kind_of(cluster.look, "c", keep_one), kLeave);
  const CleanupConfig keep_two = {.policy = {.keep = 2}};
  EXPECT_EQ(kind_of(cluster.look, "a", keep_two), kLeave);
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);
  EXPECT_EQ(kind_of(cluster.look, "c"), kMark);
}

TEST(Keep, ByCreationWhereTheTimeIsNotKnown) {
  Cluster cluster = three_colors();
  for (const char* color : {"a", "c"}) {
    cluster.of(color).last_selected_at = {};
    cluster.document(color, 0).deselected_for = hours(1);
  }
  cluster.document("a", 1).deselected_for = minutes(20);
  EXPECT_EQ(kind_of(cluster.look, "a", {}), kRecord);  // what this run writes counts already
  EXPECT_EQ(kind_of(cluster.look, "c", {}), kMark);
}

// None of them is a target for a rollback.
TEST(Keep, TheLiveStandbyAndScaledOnesTakeNoPlace) {
  Cluster cluster = three_colors();
  cluster.of("b").last_selected_at = kNow;
  EXPECT_EQ(kind_of(cluster.look, "c", {}), kLeave);
  cluster.add(deployment("d"), 1);  // a pre-release
  cluster.of("d").created = kNow - minutes(1);
  cluster.document("d", 0).ever_selected = false;
  EXPECT_EQ(kind_of(cluster.look, "c", {}), kLeave);
  cluster.scale_to_zero("c", seconds(1));
  EXPECT_EQ(kind_of(cluster.look, "a", {}), kLeave);
}

TEST(Keep, WhatCannotBeReadTakesNoPlace) {
  Cluster cluster = three_colors();
  cluster.of("c").last_selected_at = Error{"'x'"};
  EXPECT_EQ(kind_of(cluster.look, "a", {}), kLeave);
}

// --- bookkeeping ---------------------------------------------------------------------------------

std::optional<WallTime> recorded(const Cluster& cluster, const std::string& color) {
  const Action action = action_on(cluster.look, color);
  const WallTime* at = action.patch.last_selected_at.sets();
  return at == nullptr ? std::nullopt : std::optional(*at);
}

TEST(Bookkeeping, OfASelectedColor) {
  Cluster cluster = two_colors();
  cluster.of("b").last_selected_at = {};
  EXPECT_EQ(recorded(cluster, "b"), kNow);
  EXPECT_EQ(kind_of(cluster.look, "b"), kRecord);
  cluster.of("b").last_selected_at = kNow - hours(24);
  EXPECT_EQ(recorded(cluster, "b"), std::nullopt);
  EXPECT_EQ(kind_of(cluster.look, "b"), kLeave);
  cluster.of("b").last_selected_at = kNow - hours(24) - kOneS;
  EXPECT_EQ(recorded(cluster, "b"), kNow);
  cluster.of("b").last_selected_at = Error{"'x'"};
  EXPECT_EQ(recorded(cluster, "b"), kNow);
  cluster.of("b").last_selected_at = kNow + minutes(1);
  EXPECT_EQ(recorded(cluster, "b"), std::nullopt);
  cluster.of("b").last_selected_at = kNow + minutes(1) + kOneS;
  EXPECT_EQ(recorded(cluster, "b"), kNow);
}

TEST(Bookkeeping, OfAColorWhosePodsWereSelected) {
  Cluster cluster = two_colors();
  cluster.of("a").last_selected_at = {};
  cluster.document("a", 0).deselected_for = minutes(50);
  EXPECT_EQ(recorded(cluster, "a"), kNow - minutes(50));
  EXPECT_EQ(kind_of(cluster.look, "a"), kMark);  // one patch
  cluster.document("a", 0).deselected_for.reset();
  EXPECT_EQ(recorded(cluster, "a"), kNow);
  cluster.document("a", 0).pod_uid = "another";
  cluster.document("a", 1).ever_selected = false;
  EXPECT_EQ(recorded(cluster, "a"), std::nullopt);
}

// A switch that died before its last step leaves an old time behind.
TEST(Bookkeeping, ALaterTimeThanTheWrittenOneReplacesIt) {
  Cluster cluster = two_colors();
  for (const int i : {0, 1}) cluster.document("a", i).deselected_for = minutes(20);
  EXPECT_EQ(recorded(cluster, "a"), kNow - minutes(20));
  cluster.of("a").last_selected_at = kNow - minutes(21);
  EXPECT_EQ(recorded(cluster, "a"), std::nullopt);
  cluster.of("a").last_selected_at = kNow - minutes(21) - kOneS;
  EXPECT_EQ(recorded(cluster, "a"), kNow - minutes(20));
  cluster.of("a").last_selected_at = kNow;
  EXPECT_EQ(recorded(cluster, "a"), std::nullopt);
  cluster.of("a").last_selected_at = Error{"'x'"};
  EXPECT_EQ(recorded(cluster, "a"), std::nullopt);
}

TEST(Bookkeeping, AndTheActionAreOnePatch) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  cluster.of("a").last_selected_at = {};
  const Action action = action_on(cluster.look, "a");
  EXPECT_EQ(action.kind, kScaleToZero);
  EXPECT_NE(action.patch.last_selected_at.sets(), nullptr);
  EXPECT_EQ(action.patch.replicas, 0);
}

TEST(Record, WritesNothingElseAndSaysWhatItWouldDo) {
  Cluster cluster = two_colors();
  cluster.mark("a", minutes(6));
  const CleanupConfig record = {.policy = {.keep = 0}, .record_only = true};
  Action action = action_on(cluster.look, "a", record);
  EXPECT_EQ(action.kind, kLeave);
  EXPECT_EQ(action.planned, kScaleToZero);
  EXPECT_TRUE(action.patch.empty());
  cluster.of("a").last_selected_at = {};
  action = action_on(cluster.look, "a", record);
  EXPECT_EQ(action.kind, kRecord);
  EXPECT_EQ(action.planned, kScaleToZero);
  EXPECT_EQ(action.patch, DeploymentPatch{.last_selected_at = kNow - hours(1)});
  action = action_on(selected_at_zero(2).look, "a", record);
  EXPECT_EQ(action.kind, kLeave);
  EXPECT_EQ(action.planned, kRestore);
}

// --- the plan ------------------------------------------------------------------------------------

TEST(ThePlan, HoldsBackFirstAndTakesAwayLast) {
  Cluster cluster = three_colors();  // a is draining, b is live, c is drained
  cluster.add(deployment("d"), 1);
  cluster.of("d").last_selected_at = kNow - hours(1);
  cluster.add(deployment("e"), 1);
  cluster.scale_to_zero("e", hours(1));
  cluster.mark("a", minutes(6));
  cluster.mark("d", minutes(6));
  cluster.document("a", 0).open = 1;
  std::vector<ActionKind> kinds;
  for (const Action& action : plan_cleanup(cluster.look, keep_none(), kNow)) {
    kinds.push_back(action.kind);
  }
  EXPECT_THAT(kinds, ElementsAre(kUnmark, kMark, kScaleToZero, kDelete, kLeave));
}

TEST(ThePlan, RestoresBeforeAllElse) {
  Cluster cluster = selected_at_zero(2);
  cluster.add(deployment("0"), 1);
  cluster.mark("0", minutes(6));
  cluster.document("0", 0).open = 1;
  const std::vector<Action> plan = plan_cleanup(cluster.look, keep_none(), kNow);
  ASSERT_EQ(plan.size(), 3);
  EXPECT_EQ(plan[0].kind, kRestore);
  EXPECT_EQ(plan[0].deployment, "web-a");
}

TEST(ThePlan, LeavesOrphansOut) {
  Cluster cluster = two_colors();
  cluster.look.services.clear();
  EXPECT_THAT(plan_cleanup(cluster.look, keep_none(), kNow), IsEmpty());
}

TEST(ThePlan, GivesEachActionAReason) {
  for (const Action& action : plan_cleanup(three_colors().look, {}, kNow)) {
    EXPECT_FALSE(action.reasons.empty());
    EXPECT_FALSE(action.reasons[0].message.empty());
    EXPECT_EQ(action.judged, version("uid-" + action.deployment, 100));
  }
}

TEST(ActionText, IsStable) {
  std::vector<std::string> names;
  for (const ActionKind kind : kAllActionKinds) names.emplace_back(to_string(kind));
  EXPECT_THAT(names, ElementsAre("leave", "wait", "record", "unmark", "mark", "scale-to-zero",
                                 "restore", "delete"));
  EXPECT_EQ(to_string(static_cast<ActionKind>(99)), "leave");
}

}  // namespace
}  // namespace drainbow
