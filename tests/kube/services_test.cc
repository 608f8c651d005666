#include "kube/services.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <fstream>
#include <sstream>

// What a Kubernetes 1.34 API server answered is in recorded/, byte by byte: a list of three
// Services, the first page of such a list, a watch, and refusals.

namespace drainbow::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Type = WatchEvent::Type;

std::string recorded(const std::string& name) {
  std::ifstream file(std::string(DRAINBOW_RECORDED) + "/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

Result<ServicePage> decode_page(std::string_view text) {
  ServicePageDecoder decoder;
  const Result<void> fed = decoder.feed(text);
  if (!fed) return fed.error();
  return decoder.finish();
}

Result<std::vector<WatchEvent>> decode_watch(std::string_view text) {
  return WatchDecoder().feed(text);
}

const Labels kWeb = {{"app", "web"}, {"color", "bbbbbb"}};

TEST(ServicePageDecoder, ReadsARecordedList) {
  const Result<ServicePage> page = decode_page(recorded("list.json"));
  ASSERT_TRUE(page) << page.error().message;
  const ServicePage expected{
      .services = {{.name = "no-selector", .resource_version = "721"},
                   {.name = "pin",
                    .resource_version = "718",
                    .selector = {.selector = {{"app", "web"}, {"color", "aaaaaa"}},
                                 .ignored = true}},
                   {.name = "web", .resource_version = "642", .selector = {.selector = kWeb}}},
      .resource_version = "721"};
  EXPECT_EQ(*page, expected);
}

TEST(ServicePageDecoder, ReadsWhereARecordedListGoesOn) {
  const Result<ServicePage> page = decode_page(recorded("page.json"));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->services, SizeIs(2));
  EXPECT_THAT(page->continue_token, HasSubstr("eyJ2"));
}

TEST(ServicePageDecoder, GivesTheSameWhereverTheBytesAreCut) {
  const std::string text = recorded("list.json");
  const Result<ServicePage> whole = decode_page(text);
  ASSERT_TRUE(whole);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ServicePageDecoder decoder;
    ASSERT_TRUE(decoder.feed(std::string_view(text).substr(0, cut))) << cut;
    ASSERT_TRUE(decoder.feed(std::string_view(text).substr(cut))) << cut;
    const Result<ServicePage> page = decoder.finish();
    ASSERT_TRUE(page) << cut << ": " << page.error().message;
    ASSERT_EQ(*page, *whole) << cut;
  }
}

TEST(ServicePageDecoder, TakesNoPartForTheWhole) {
  const std::string text = recorded("list.json");
  for (std::size_t size = 0; size < text.find_last_of('}'); ++size) {
    ASSERT_FALSE(decode_page(text.substr(0, size))) << size;
  }
}

TEST(ServicePageDecoder, ReadsAnEmptyList) {
  const Result<ServicePage> page =
      decode_page(R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[]})");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->services, IsEmpty());
}

struct Refused {
  std::string text;
  std::string why;
};

class RefusedPage : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedPage, IsAnErrorThatNamesThePlace) {
  const Result<ServicePage> page = decode_page(GetParam().text);
  ASSERT_FALSE(page);
  EXPECT_THAT(page.error().message, HasSubstr(GetParam().why));
}

std::string list_of(const std::string& item) {
  return R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[)" + item + "]}";
}

INSTANTIATE_TEST_SUITE_P(
    Bad, RefusedPage,
    ::testing::Values(
        Refused{"", "ends in the middle"}, Refused{"[]", "not an object"},
        Refused{"{}", "not a ServiceList"}, Refused{"{", "ends in the middle"},
        Refused{"}", "not JSON"}, Refused{list_of("") + "{}", "something follows"},
        Refused{R"({"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]})",
                "a 'PodList'"},
        Refused{R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"}})", "no items"},
        Refused{R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":null})",
                "items is not one list"},
        Refused{
            R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[],"items":[]})",
            "items is not one list"},
        Refused{R"({"kind":"ServiceList","metadata":{},"items":[]})", "resourceVersion"},
        Refused{R"({"kind":"ServiceList","metadata":{"resourceVersion":7},"items":[]})",
                "metadata.resourceVersion is not a string"},
        Refused{list_of("null"), "items.[] is not an object"},
        Refused{list_of("{}"), "no metadata.name"},
        Refused{list_of(R"({"metadata":"x"})"), "a Service: metadata is not an object"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":[]})"), "spec is not an object"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":{"selector":["a"]}})"),
                "Service a: spec.selector is not an object"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":{"selector":"app=web"}})"),
                "spec.selector is not an object"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":{"selector":{"app":1}}})"),
                "spec.selector.app is not a string"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":{"selector":{"app":null}}})"),
                "spec.selector.app is not a string"},
        Refused{list_of(R"({"metadata":{"name":"a"},"spec":{"selector":{"app":{"a":"b"}}}})"),
                "spec.selector.app is not a string"},
        Refused{list_of(R"({"metadata":{"name":")" + std::string(5000, 'a') + R"("}})"),
                "at most 4096 bytes"},
        Refused{std::string(100, '['), "not an object"},
        Refused{R"({"a":)" + std::string(100, '['), "not JSON"}));

TEST(ServicePageDecoder, BoundsASelector) {
  const auto with_pairs = [](int count) {
    std::string pairs;
    for (int i = 0; i < count; ++i) {
      pairs += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"v\"";
    }
    return list_of(R"({"metadata":{"name":"a"},"spec":{"selector":{)" + pairs + "}}}");
  };
  EXPECT_TRUE(decode_page(with_pairs(256)));
  const Result<ServicePage> page = decode_page(with_pairs(257));
  ASSERT_FALSE(page);
  EXPECT_THAT(page.error().message, HasSubstr("at most 256"));
}

TEST(ServicePageDecoder, DoesNotTakeNestedNamesForTheServices) {
  const Result<ServicePage> page = decode_page(list_of(
      R"({"metadata":{"name":"a","ownerReferences":[{"name":"b"}],"managedFields":[{"f":{"spec":
      {"selector":{"x":"y"}}}}]},"spec":{"ports":[{"name":"c","selector":{"d":"e"}}]},
      "status":{"metadata":{"name":"f"}}})"));
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_THAT(page->services, SizeIs(1));
  EXPECT_EQ(page->services[0], (Service{.name = "a"}));
}

TEST(ServicePageDecoder, IgnoresOnlyWhatIsAnnotatedSo) {
  for (const std::string value : {"\"True\"", "\"yes\"", "\"false\"", "\"\"", "true", "null"}) {
    const Result<ServicePage> page = decode_page(list_of(
        R"({"metadata":{"name":"a","annotations":{"drainbow.dev/ignore":)" + value + "}}}"));
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_FALSE(page->services.at(0).selector.ignored) << value;
  }
}

TEST(WatchDecoder, ReadsARecordedWatch) {
  const Result<std::vector<WatchEvent>> events = decode_watch(recorded("watch.json"));
  ASSERT_TRUE(events) << events.error().message;
  const Service gone{.name = "gone", .selector = {.selector = {{"app", "gone"}}}};
  std::vector<WatchEvent> expected{
      {.type = Type::kModified,
       .service = {.name = "web", .resource_version = "723", .selector = {.selector = kWeb}}},
      {.type = Type::kAdded, .service = gone},
      {.type = Type::kDeleted, .service = gone}};
  expected[1].service.resource_version = "725";
  expected[2].service.resource_version = "728";
  EXPECT_EQ(*events, expected);
}

TEST(WatchDecoder, ReadsARecordedBookmark) {
  const Result<std::vector<WatchEvent>> events = decode_watch(recorded("bookmark.json"));
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_THAT(*events, SizeIs(1));
  EXPECT_EQ(events->at(0),
            (WatchEvent{.type = Type::kBookmark, .service = {.resource_version = "728"}}));
}

TEST(WatchDecoder, ReadsARecordedExpiry) {
  const Result<std::vector<WatchEvent>> events = decode_watch(recorded("expired.json"));
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_THAT(*events, SizeIs(1));
  EXPECT_EQ(events->at(0),
            (WatchEvent{.type = Type::kError,
                        .status = {.code = 410,
                                   .reason = "Expired",
                                   .message = "too old resource version: 1 (280)"}}));
}

TEST(WatchDecoder, GivesTheSameHoweverTheBytesAreCut) {
  const std::string text = recorded("watch.json") + recorded("bookmark.json");
  const Result<std::vector<WatchEvent>> whole = decode_watch(text);
  ASSERT_TRUE(whole);
  ASSERT_THAT(*whole, SizeIs(4));
  EXPECT_TRUE(rc::check([&] {
    WatchDecoder decoder;
    std::vector<WatchEvent> events;
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t size = *rc::gen::inRange<std::size_t>(1, 700);
      Result<std::vector<WatchEvent>> some = decoder.feed(rest.substr(0, size));
      RC_ASSERT(some.ok());
      events.insert(events.end(), some->begin(), some->end());
      rest.remove_prefix(std::min(size, rest.size()));
    }
    RC_ASSERT(events == *whole);
    RC_ASSERT(decoder.between_events());
  }));
}

TEST(WatchDecoder, KnowsWhetherAnEventIsHalfDone) {
  WatchDecoder decoder;
  EXPECT_TRUE(decoder.between_events());
  ASSERT_TRUE(decoder.feed("\n {\"type\""));
  EXPECT_FALSE(decoder.between_events());
}

class RefusedWatch : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedWatch, IsAnErrorThatNamesThePlace) {
  const Result<std::vector<WatchEvent>> events = decode_watch(GetParam().text);
  ASSERT_FALSE(events);
  EXPECT_THAT(events.error().message, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    Bad, RefusedWatch,
    ::testing::Values(
        Refused{"<html>", "not JSON"}, Refused{"[1]", "not an object"},
        Refused{"{}", "unknown type ''"},
        Refused{R"({"type":"SYNC","object":{}})", "unknown type 'SYNC'"},
        Refused{R"({"type":1})", "type is not a string"},
        Refused{R"({"type":"ADDED"})", "about a ''"},
        Refused{R"({"type":"ADDED","object":null})", "not an object"},
        Refused{R"({"type":"ADDED","object":{"kind":"Pod"}})", "about a 'Pod'"},
        Refused{R"({"type":"ADDED","object":{"kind":"Service","metadata":{"name":"a"}}})",
                "no metadata.resourceVersion"},
        Refused{
            R"({"type":"DELETED","object":{"kind":"Service","metadata":{"resourceVersion":"1"}}})",
            "no metadata.name"},
        Refused{R"({"type":"BOOKMARK","object":{"kind":"Service","metadata":{}}})",
                "no metadata.resourceVersion"},
        Refused{R"({"type":"ADDED","object":{"kind":"Service","spec":{"selector":{"a":[]}}}})",
                "a Service: spec.selector.a is not a string"}));

TEST(WatchDecoder, BoundsAnEvent) {
  WatchDecoder decoder;
  const std::string key = R"("a":")" + std::string(1024 * 1024, 'x') + R"(",)";
  Result<std::vector<WatchEvent>> fed = decoder.feed(R"({"type":"ADDED",)");
  for (int i = 0; i < 7; ++i) {
    fed = decoder.feed(key);
    ASSERT_TRUE(fed) << fed.error().message;
  }
  fed = decoder.feed(key);
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("more than 8 MiB"));
}

TEST(DecodeStatus, ReadsRecordedRefusals) {
  const std::optional<Status> forbidden = decode_status(recorded("forbidden.json"));
  ASSERT_TRUE(forbidden);
  EXPECT_EQ(forbidden->code, 403);
  EXPECT_EQ(forbidden->reason, "Forbidden");
  EXPECT_THAT(forbidden->message, HasSubstr("cannot list resource \"services\""));
  const std::optional<Status> unauthorized = decode_status(recorded("unauthorized.json"));
  ASSERT_TRUE(unauthorized);
  EXPECT_EQ(*unauthorized,
            (Status{.code = 401, .reason = "Unauthorized", .message = "Unauthorized"}));
}

TEST(DecodeStatus, KnowsWhatIsNone) {
  EXPECT_FALSE(decode_status(""));
  EXPECT_FALSE(decode_status("<html>Bad Gateway</html>"));
  EXPECT_FALSE(decode_status("{}"));
  EXPECT_FALSE(decode_status(R"({"kind":"Service","message":"x"})"));
  EXPECT_FALSE(decode_status(R"({"kind":"Status","message":"x")"));
}

TEST(DecodeStatus, CutsALongMessage) {
  const std::optional<Status> status =
      decode_status(R"({"kind":"Status","message":")" + std::string(5000, 'x') + R"("})");
  ASSERT_TRUE(status);
  EXPECT_THAT(status->message, SizeIs(500));
}

}  // namespace
}  // namespace drainbow::kube
