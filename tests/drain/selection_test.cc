#include "drain/selection.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <algorithm>

#include "tests/drain/builders.h"

namespace drainbow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Labels kPod = {{"app", "web"}, {"color", "2d4ad6"}, {"pod-template-hash", "76b8"}};

ServiceSelector selector(Labels labels) { return {.selector = std::move(labels)}; }

TEST(Selects, NeedsEveryPairOfTheSelector) {
  EXPECT_TRUE(selects({{"app", "web"}}, kPod));
  EXPECT_TRUE(selects({{"app", "web"}, {"color", "2d4ad6"}}, kPod));
  EXPECT_FALSE(selects({{"app", "web"}, {"color", "8af347"}}, kPod));
  EXPECT_FALSE(selects({{"app", "web"}, {"tier", "front"}}, kPod));
  EXPECT_FALSE(selects({{"app", ""}}, kPod));
  EXPECT_TRUE(selects(kPod, kPod));
}

TEST(Selects, AnEmptySelectorSelectsNothing) {
  EXPECT_FALSE(selects({}, kPod));
  EXPECT_FALSE(selects({}, {}));
}

TEST(Selects, AgreesWithALookUpOfEachPair) {
  EXPECT_TRUE(rc::check([] {
    const auto label = rc::gen::pair(rc::gen::elementOf(std::string("abc")),
                                     rc::gen::elementOf(std::string("xy")));
    const auto labels = [&label] {
      Labels made;
      for (const auto& [key, value] :
           *rc::gen::container<std::vector<std::pair<char, char>>>(label)) {
        made[std::string(1, key)] = std::string(1, value);
      }
      return made;
    };
    const Labels wanted = labels();
    const Labels pod = labels();
    const bool all = std::ranges::all_of(wanted, [&pod](const auto& pair) {
      return pod.contains(pair.first) && pod.at(pair.first) == pair.second;
    });
    RC_ASSERT(selects(wanted, pod) == (all && !wanted.empty()));
  }));
}

TEST(MatchServices, NamesThoseThatCountAndSelect) {
  const ServiceSelectors services = {
      {"web", selector({{"app", "web"}, {"color", "2d4ad6"}})},
      {"web-internal", selector({{"color", "2d4ad6"}})},
      {"other-color", selector({{"app", "web"}, {"color", "8af347"}})},
      {"external", selector({})},
      {"pin", {.selector = {{"color", "2d4ad6"}}, .ignored = true}},
  };
  const ServiceMatch match = match_services(kPod, services, "color");
  EXPECT_THAT(match.services, ElementsAre("web", "web-internal"));
  EXPECT_THAT(match.notes, IsEmpty());
}

TEST(MatchServices, FindsNothingAmongNothing) {
  EXPECT_EQ(match_services(kPod, {}, "color"), ServiceMatch());
}

TEST(MatchServices, SaysHowToIgnoreAServiceThatSelectsEveryColor) {
  const ServiceSelectors services = {{"metrics", selector({{"app", "web"}})},
                                     {"elsewhere", selector({{"app", "db"}})}};
  const ServiceMatch match = match_services(kPod, services, "color");
  EXPECT_THAT(match.services, ElementsAre("metrics"));
  ASSERT_THAT(match.notes, SizeIs(1));
  EXPECT_EQ(match.notes[0].code, "service_without_color");
  EXPECT_THAT(match.notes[0].message, HasSubstr("Service metrics"));
  EXPECT_THAT(match.notes[0].message, HasSubstr("drainbow.dev/ignore: \"true\""));
}

TEST(MatchServices, TakesTheColorFromTheLabelThatIsNamed) {
  const Labels pod = {{"release", "2d4ad6"}};
  const ServiceSelectors services = {{"web", selector({{"release", "2d4ad6"}})}};
  EXPECT_THAT(match_services(pod, services, "release").notes, IsEmpty());
  EXPECT_THAT(match_services(pod, services, "color").notes, SizeIs(1));
}

TEST(MatchServices, ShowsABoundedNumber) {
  ServiceSelectors services;
  for (int i = 100; i < 1100; ++i) {
    services["s" + std::to_string(i)] = selector({{"app", "web"}});
  }
  const ServiceMatch match = match_services(kPod, services, "color");
  EXPECT_THAT(match.services, SizeIs(50));
  EXPECT_THAT(match.notes, SizeIs(50));
}

}  // namespace
}  // namespace drainbow
