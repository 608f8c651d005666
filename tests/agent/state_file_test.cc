#include "agent/state_file.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <sys/stat.h>

#include <filesystem>

#include "temp_dir.h"

namespace drainbow {
namespace {

using testing::HasSubstr;

const SavedState kState{.pod_uid = "5f0c-uid",
                        .ever_selected = true,
                        .deselected_at = WallTime(std::chrono::seconds(1795250460)),
                        .ports = {8080, 8081}};

TEST(StateCodec, WritesWhatPeopleCanRead) {
  EXPECT_EQ(encode_state(kState),
            R"({"pod_uid":"5f0c-uid","ever_selected":true,"deselected_at":"2026-11-21T08:41:00Z",)"
            R"("ports":[8080,8081]})"
            "\n");
}

TEST(StateCodec, ReadsBackAnyState) {
  const bool holds =
      rc::check([](const std::set<std::uint16_t>& any_ports, bool ever, bool deselected) {
        SavedState state{.pod_uid = "u", .ever_selected = ever, .ports = any_ports};
        state.ports.erase(0);
        if (deselected)
          state.deselected_at = WallTime(std::chrono::seconds(*rc::gen::inRange(0, 1 << 30)));
        const Result<SavedState> back = decode_state(encode_state(state));
        RC_ASSERT(back.ok());
        RC_ASSERT(*back == state);
      });
  EXPECT_TRUE(holds);
}

TEST(StateCodec, RefusesEveryTornFile) {
  const std::string whole = encode_state(kState);
  // The last character is the newline, without which the file is whole.
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
    EXPECT_FALSE(decode_state(whole.substr(0, length))) << length;
  }
}

TEST(StateCodec, RefusesForeignContent) {
  for (const char* bad :
       {"[]", "{}", "null", R"({"pod_uid":1,"ever_selected":true,"deselected_at":null,"ports":[]})",
        R"({"pod_uid":"u","ever_selected":"yes","deselected_at":null,"ports":[]})",
        R"({"pod_uid":"u","ever_selected":true,"ports":[]})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":"yesterday","ports":[]})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":7,"ports":[]})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":null})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":null,"ports":[0]})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":null,"ports":[65536]})",
        R"({"pod_uid":"u","ever_selected":true,"deselected_at":null,"ports":["80"]})"}) {
    EXPECT_FALSE(decode_state(bad)) << bad;
  }
}

TEST(StateFile, KeepsAcrossInstances) {
  const TempDir dir;
  ASSERT_TRUE(StateFile(dir.path()).save(kState));
  const Result<std::optional<SavedState>> loaded = StateFile(dir.path()).load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, kState);
  EXPECT_FALSE(std::filesystem::exists(dir.file("state.json.tmp")));
}

TEST(StateFile, StartsEmpty) {
  const TempDir dir;
  const Result<std::optional<SavedState>> loaded = StateFile(dir.path()).load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, std::nullopt);
}

TEST(StateFile, KeepsNothingWithoutADirectory) {
  StateFile file("");
  EXPECT_TRUE(file.save(kState));
  EXPECT_EQ(*file.load(), std::nullopt);
}

TEST(StateFile, SetsACorruptOneAside) {
  const TempDir dir;
  dir.write("state.json", R"({"pod_uid":"5f0c)");
  StateFile file(dir.path());
  const Result<std::optional<SavedState>> loaded = file.load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("state.json.corrupt"));
  EXPECT_EQ(dir.read("state.json.corrupt"), R"({"pod_uid":"5f0c)");
  EXPECT_EQ(*file.load(), std::nullopt) << "the second look finds none";
  EXPECT_TRUE(file.save(kState));
}

TEST(StateFile, WritesOnlyWhatDiffers) {
  const TempDir dir;
  StateFile file(dir.path());
  ASSERT_TRUE(file.save(kState));
  dir.write("state.json", "touched");
  ASSERT_TRUE(file.save(kState));
  EXPECT_EQ(dir.read("state.json"), "touched");
  SavedState next = kState;
  next.deselected_at.reset();
  ASSERT_TRUE(file.save(next));
  EXPECT_EQ(dir.read("state.json"), encode_state(next));
}

TEST(StateFile, NamesTheDirectoryThatIsNotThere) {
  StateFile file("/nonexistent/drainbow");
  EXPECT_THAT(file.save(kState).error().message, HasSubstr("/nonexistent/drainbow/state.json"));
}

}  // namespace
}  // namespace drainbow
