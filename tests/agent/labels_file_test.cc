#include "agent/labels_file.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <filesystem>

#include "temp_dir.h"

namespace drainbow {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Written by the kubelet of Kubernetes 1.34 for a pod with three labels.
constexpr char kWritten[] =
    "app=\"rainbow\"\n"
    "color=\"12e034\"\n"
    "pod-template-hash=\"7d4b9c\"";

TEST(DecodeLabels, ReadsWhatTheKubeletWrites) {
  const Result<Labels> labels = decode_labels(kWritten);
  ASSERT_TRUE(labels);
  EXPECT_THAT(*labels, UnorderedElementsAre(Pair("app", "rainbow"), Pair("color", "12e034"),
                                            Pair("pod-template-hash", "7d4b9c")));
}

TEST(DecodeLabels, TakesAnEmptyFileAndAnEmptyValue) {
  EXPECT_TRUE(decode_labels("")->empty());
  EXPECT_THAT(*decode_labels("a=\"\"\n"), UnorderedElementsAre(Pair("a", "")));
}

TEST(DecodeLabels, RefusesWhatIsNoLabel) {
  for (const char* bad : {"app", "=\"x\"", "app=x", "app=\"x", "app=x\"", "app=\"", "a=\"x\\n\"",
                          "a=\"b\"c\"", "a=\"x\"\nb"}) {
    EXPECT_FALSE(decode_labels(bad)) << bad;
  }
}

TEST(DecodeLabels, NeverCrashesOnAnyText) {
  EXPECT_TRUE(rc::check([](const std::string& text) { (void)decode_labels(text); }));
}

TEST(ReadLabels, FollowsASwappedSymlink) {
  // As the kubelet does: the file is a link through ..data, which is replaced by a rename.
  const TempDir dir;
  std::filesystem::create_directory(dir.file("..1"));
  std::filesystem::create_directory(dir.file("..2"));
  dir.write("..1/labels", "color=\"aaaaaa\"");
  dir.write("..2/labels", "color=\"bbbbbb\"");
  std::filesystem::create_symlink("..1", dir.file("..data"));
  std::filesystem::create_symlink("..data/labels", dir.file("labels"));
  EXPECT_EQ(read_labels(dir.file("labels"))->at("color"), "aaaaaa");
  std::filesystem::create_symlink("..2", dir.file("..data_tmp"));
  std::filesystem::rename(dir.file("..data_tmp"), dir.file("..data"));
  EXPECT_EQ(read_labels(dir.file("labels"))->at("color"), "bbbbbb");
}

TEST(ReadLabels, NamesTheFileThatIsNotThereOrNotOne) {
  const TempDir dir;
  EXPECT_THAT(read_labels(dir.file("none")).error().message, HasSubstr(dir.file("none")));
  EXPECT_THAT(read_labels(dir.path()).error().message, HasSubstr("not a regular file"));
  dir.write("long", std::string(300 * 1024, 'x'));
  EXPECT_THAT(read_labels(dir.file("long")).error().message, HasSubstr("longer than"));
}

}  // namespace
}  // namespace drainbow
