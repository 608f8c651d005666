#include "program/options.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <map>
#include <sstream>

namespace drainbow::program {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Variables = std::map<std::string, std::string>;

// A program with one option of each kind.
struct Program {
  CommandLine line() {
    return {.program = "a-program",
            .summary =
                "Shows what a command line can do,\nin a summary that is too long for one line "
                "of eighty columns.",
            .epilog = "Exit codes: 0 all is well.",
            .positional = positional,
            .options = {{"name", "NAME", "What to call it.", "", text(name)},
                        {"quiet-period", "DURATION",
                         "How long nothing may happen: a sentence that goes on and on, beyond the "
                         "right edge of a terminal of eighty columns.",
                         "30s", duration(quiet_period, seconds(1), hours(24))},
                        {"threshold", "N", "How many are as good as none.", "0",
                         number(threshold, 0, 1000)},
                        {"ignore-loopback", "", "Whether to leave loopback out.", "false",
                         flag(ignore_loopback)}}};
  }

  Result<ParsedArguments> parse(std::vector<const char*> arguments,
                                const Variables& variables = {}) {
    arguments.insert(arguments.begin(), "a-program");
    return parse_arguments(line(), static_cast<int>(arguments.size()), arguments.data(),
                           [&variables](const std::string& variable) {
                             const auto found = variables.find(variable);
                             return found == variables.end() ? nullptr : found->second.c_str();
                           });
  }

  std::string error(std::vector<const char*> arguments, const Variables& variables = {}) {
    const auto parsed = parse(std::move(arguments), variables);
    return parsed.ok() ? "no error" : parsed.error().message;
  }

  std::string positional;
  std::string name = "default";
  milliseconds quiet_period = seconds(30);
  std::uint32_t threshold = 7;
  bool ignore_loopback = false;
};

TEST(Options, WithoutArgumentsNothingIsSet) {
  Program program;
  const auto parsed = program.parse({});
  ASSERT_TRUE(parsed.ok());
  EXPECT_FALSE(parsed->help || parsed->version);
  EXPECT_EQ(program.name, "default");
  EXPECT_EQ(program.quiet_period, seconds(30));
  EXPECT_EQ(program.threshold, 7U);
  EXPECT_FALSE(program.ignore_loopback);
}

TEST(Options, TakesValuesBothWays) {
  Program program;
  ASSERT_TRUE(
      program
          .parse({"--name", "a=b", "--quiet-period=5m", "--threshold", "1000", "--ignore-loopback"})
          .ok());
  EXPECT_EQ(program.name, "a=b");
  EXPECT_EQ(program.quiet_period, std::chrono::minutes(5));
  EXPECT_EQ(program.threshold, 1000U);
  EXPECT_TRUE(program.ignore_loopback);
}

TEST(Options, AValueMayBeEmptyOrLookLikeAFlag) {
  Program program;
  ASSERT_TRUE(program.parse({"--name="}).ok());
  EXPECT_EQ(program.name, "");
  ASSERT_TRUE(program.parse({"--name", ""}).ok());
  EXPECT_EQ(program.name, "");
  ASSERT_TRUE(program.parse({"--name=--threshold=3"}).ok());
  EXPECT_EQ(program.name, "--threshold=3");
  ASSERT_TRUE(program.parse({"--name", "-"}).ok());
  EXPECT_EQ(program.name, "-");
}

TEST(Options, OfARepeatedFlagTheLastCounts) {
  Program program;
  ASSERT_TRUE(program.parse({"--threshold=wrong", "--threshold=2"}).ok());
  EXPECT_EQ(program.threshold, 2U);
}

TEST(Options, ReadsTheEnvironment) {
  Program program;
  ASSERT_TRUE(program
                  .parse({}, {{"DRAINBOW_QUIET_PERIOD", "1h"},
                              {"DRAINBOW_IGNORE_LOOPBACK", "yes"},
                              {"DRAINBOW_NAME", ""},
                              {"DRAINBOW_PORT", "tcp://10.0.0.1:80"}})
                  .ok());
  EXPECT_EQ(program.quiet_period, hours(1));
  EXPECT_TRUE(program.ignore_loopback);
  EXPECT_EQ(program.name, "");
}

TEST(Options, AFlagBeatsTheEnvironment) {
  Program program;
  ASSERT_TRUE(program
                  .parse({"--threshold=3", "--ignore-loopback=false"},
                         {{"DRAINBOW_THRESHOLD", "wrong"}, {"DRAINBOW_IGNORE_LOOPBACK", "true"}})
                  .ok());
  EXPECT_EQ(program.threshold, 3U);
  EXPECT_FALSE(program.ignore_loopback);
}

TEST(Options, AnErrorNamesTheSourceTheValueAndWhatIsAccepted) {
  Program program;
  EXPECT_EQ(program.error({"--quiet-period", "30 parsecs"}),
            "--quiet-period: '30 parsecs' is not a duration such as 500ms, 30s, 5m or 1h");
  EXPECT_EQ(program.error({"--quiet-period=25h"}),
            "--quiet-period: '25h' is not between 1s and 24h");
  EXPECT_EQ(program.error({"--threshold", "-1"}),
            "--threshold: '-1' is not a number from 0 to 1000");
  EXPECT_EQ(program.error({"--ignore-loopback=maybe"}),
            "--ignore-loopback: 'maybe' is neither true nor false");
  EXPECT_EQ(program.error({}, {{"DRAINBOW_THRESHOLD", ""}}),
            "DRAINBOW_THRESHOLD: '' is not a number from 0 to 1000");
}

TEST(Options, RefusesWhatIsNotAFlag) {
  Program program;
  EXPECT_EQ(program.error({"--quite-period=1s"}), "unknown flag '--quite-period=1s'; see --help");
  EXPECT_EQ(program.error({"--thresh", "1"}), "unknown flag '--thresh'; see --help");
  EXPECT_EQ(program.error({"-t"}), "unknown flag '-t'; see --help");
  EXPECT_EQ(program.error({"-threshold=1"}), "unknown flag '-threshold=1'; see --help");
  EXPECT_EQ(program.error({"--=1"}), "unknown flag '--=1'; see --help");
  EXPECT_EQ(program.error({"--help=1"}), "unknown flag '--help=1'; see --help");
  EXPECT_EQ(program.error({"-"}), "unknown flag '-'; see --help");
}

TEST(Options, RefusesAFlagWithoutItsValue) {
  Program program;
  EXPECT_EQ(program.error({"--name"}), "--name: needs a value: NAME");
  EXPECT_EQ(program.error({"--name", "--threshold=1"}), "--name: needs a value: NAME");
}

TEST(Options, RefusesPositionalArgumentsWhereNoneAreDeclared) {
  Program program;
  EXPECT_EQ(program.error({"drained"}), "'drained' is not a flag; see --help");
  EXPECT_EQ(program.error({""}), "'' is not a flag; see --help");
  EXPECT_EQ(program.error({"--", "--name=a"}), "'--name=a' is not a flag; see --help");
  EXPECT_EQ(program.error({"--ignore-loopback", "false"}), "'false' is not a flag; see --help");
}

TEST(Options, CollectsDeclaredPositionalArguments) {
  Program program;
  program.positional = "drained|wait";
  const auto parsed = program.parse({"wait", "--threshold=1", "more", "--", "--name", "--"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->positional, (std::vector<std::string>{"wait", "more", "--name", "--"}));
  EXPECT_EQ(program.threshold, 1U);
  EXPECT_EQ(program.name, "default");
}

TEST(Options, WithHelpOrVersionNothingIsSet) {
  Program program;
  EXPECT_TRUE(program.parse({"--help", "--threshold=wrong"}, {{"DRAINBOW_NAME", "x"}})->help);
  EXPECT_TRUE(program.parse({"--threshold=1", "--version"})->version);
  EXPECT_EQ(program.threshold, 7U);
  EXPECT_EQ(program.name, "default");
}

TEST(Options, SurvivesAnEmptyCommandLine) {
  Program program;
  const char* const none = nullptr;
  EXPECT_TRUE(
      parse_arguments(program.line(), 0, &none, [](const std::string&) { return nullptr; }).ok());
}

TEST(Help, IsCompleteAndLaidOut) {
  Program program;
  program.positional = "drained|wait";
  EXPECT_EQ(help_text(program.line()),
            R"(Shows what a command line can do, in a summary that is too long for one line of
eighty columns.

Usage: a-program [OPTIONS] drained|wait

Options, as flags or from the environment; the flag wins:
  --name NAME
      What to call it.
      [env: DRAINBOW_NAME]
  --quiet-period DURATION
      How long nothing may happen: a sentence that goes on and on, beyond the
      right edge of a terminal of eighty columns.
      [default: 30s; env: DRAINBOW_QUIET_PERIOD]
  --threshold N
      How many are as good as none.
      [default: 0; env: DRAINBOW_THRESHOLD]
  --ignore-loopback
      Whether to leave loopback out.
      [default: false; env: DRAINBOW_IGNORE_LOOPBACK]
  --help
      Print this and exit.
  --version
      Print the version and exit.

Exit codes: 0 all is well.
)");
}

RC_GTEST_PROP(HelpProperty, FitsATerminalWhateverTheWords,
              (const std::vector<std::string>& words)) {
  std::string sentence;
  for (const std::string& word : words) {
    for (const char c : word) sentence += static_cast<char>('a' + (c & 15));
    sentence += ' ';
  }
  CommandLine line;
  line.options = {{"x", "", sentence, sentence, nullptr}};
  std::istringstream lines(help_text(line));
  for (std::string text; std::getline(lines, text);) {
    const std::size_t start = std::min(text.find_first_not_of(' '), text.size());
    const bool one_word = text.find(' ', start) == std::string::npos;
    RC_ASSERT(text.size() <= 80U || one_word);
  }
}

struct DurationCase {
  const char* text;
  std::optional<milliseconds> value;
};

class DurationTest : public testing::TestWithParam<DurationCase> {};

TEST_P(DurationTest, ReadsOrRefuses) {
  milliseconds value{-1};
  const Result<void> set = duration(value, milliseconds(0), milliseconds::max())(GetParam().text);
  EXPECT_EQ(set.ok(), GetParam().value.has_value()) << GetParam().text;
  EXPECT_EQ(value, GetParam().value.value_or(milliseconds(-1))) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    All, DurationTest,
    testing::Values(DurationCase{"0s", milliseconds(0)}, DurationCase{"500ms", milliseconds(500)},
                    DurationCase{"30s", seconds(30)}, DurationCase{"5m", seconds(300)},
                    DurationCase{"24h", hours(24)}, DurationCase{"3d", hours(72)},
                    DurationCase{"007s", seconds(7)},
                    DurationCase{"9223372036854775807ms", milliseconds::max()},
                    DurationCase{"9223372036854775808ms", {}},
                    DurationCase{"9223372036854775807s", {}}, DurationCase{"106751991168d", {}},
                    DurationCase{"", {}}, DurationCase{"0", {}}, DurationCase{"30", {}},
                    DurationCase{"s", {}}, DurationCase{"-1s", {}}, DurationCase{"+1s", {}},
                    DurationCase{"1.5s", {}}, DurationCase{"1e3s", {}}, DurationCase{" 1s", {}},
                    DurationCase{"1s ", {}}, DurationCase{"1 s", {}}, DurationCase{"1S", {}},
                    DurationCase{"1h30m", {}}, DurationCase{"1us", {}}, DurationCase{"0x1s", {}}));

TEST(Setters, DurationHoldsItsRange) {
  milliseconds value{};
  const Setter setter = duration(value, milliseconds(100), seconds(90));
  EXPECT_FALSE(setter("99ms").ok());
  EXPECT_TRUE(setter("100ms").ok());
  EXPECT_TRUE(setter("90s").ok());
  EXPECT_EQ(setter("90001ms").error().message, "is not between 100ms and 90s");
  EXPECT_EQ(value, seconds(90));
}

TEST(Setters, NumberHoldsItsRange) {
  std::uint32_t value = 77;
  const Setter setter = number(value, 1, 10);
  for (const char* wrong : {"0", "11", "", "a", "1a", " 1", "1 ", "-1", "+1", "1.0", "0x1",
                            "4294967296", "4294967297", "18446744073709551617"}) {
    EXPECT_FALSE(setter(wrong).ok()) << wrong;
  }
  EXPECT_EQ(value, 77U);
  EXPECT_TRUE(setter("1").ok());
  EXPECT_TRUE(setter("10").ok());
  EXPECT_EQ(value, 10U);
  EXPECT_TRUE(number(value, 0, std::numeric_limits<std::uint32_t>::max())("4294967295").ok());
  EXPECT_EQ(value, 4294967295U);
}

TEST(Setters, FlagTakesTheUsualWords) {
  bool value = false;
  for (const char* yes : {"true", "1", "yes"}) {
    value = false;
    EXPECT_TRUE(flag(value)(yes).ok() && value) << yes;
  }
  for (const char* no : {"false", "0", "no"}) {
    value = true;
    EXPECT_TRUE(flag(value)(no).ok() && !value) << no;
  }
  for (const char* wrong : {"", "TRUE", "on", "2", "true "}) EXPECT_FALSE(flag(value)(wrong).ok());
}

RC_GTEST_PROP(SetterProperty, ANumberIsReadAsPrinted, (std::uint32_t expected)) {
  std::uint32_t value = 0;
  const Setter setter = number(value, 0, std::numeric_limits<std::uint32_t>::max());
  RC_ASSERT(setter(std::to_string(expected)).ok());
  RC_ASSERT(value == expected);
}

RC_GTEST_PROP(SetterProperty, NoTextFailsOtherThanByAnError, (const std::string& any)) {
  milliseconds value{};
  std::uint32_t count = 0;
  bool yes = false;
  (void)duration(value, milliseconds(0), hours(1))(any).ok();
  (void)number(count, 0, 10)(any).ok();
  (void)flag(yes)(any).ok();
  RC_ASSERT(value <= hours(1));
  RC_ASSERT(count <= 10U);
}

}  // namespace
}  // namespace drainbow::program
