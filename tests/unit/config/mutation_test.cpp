// Damaged configurations: whatever the bytes, the answer is settings or
// diagnostics, never a crash, and never both.
#include <random>

#include "config/effective.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

constexpr std::uint64_t seed = 20240611;

std::string mutated(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  static constexpr std::string_view pieces[] = {
      "{", "}",  "[", "]", ": ", "- ", "\n", "  ", "&a ", "*a", "${", "${X}", "|",
      ">", "\"", "'", "#", "0",  "-1", "!",  "%",  "? ",  "\t", "~",  "---\n"};
  for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
    const auto at = below(text.size());
    switch (below(5)) {
      case 0: text.resize(at); break;
      case 1: text[at] = static_cast<char>(random() & 0xffU); break;
      case 2: text.erase(at, 1 + below(20)); break;
      case 3: text.insert(at, pieces[below(std::size(pieces))]); break;
      default: text.insert(at, text.substr(below(text.size()), below(60))); break;
    }
  }
  return text;
}

void check(const std::string& text, const LoadResult& result) {
  ASSERT_NE(result.ok(), !result.diagnostics.empty()) << text;
  ASSERT_LE(result.diagnostics.size(), diagnostics_max + 1) << text;
  for (const auto& diagnostic : result.diagnostics) {
    ASSERT_FALSE(diagnostic.message.empty()) << text;
    ASSERT_FALSE(diagnostic.file.empty()) << text << format(diagnostic);
  }
  if (!result.ok()) return;
  const auto printed = to_yaml(*result.settings);
  ASSERT_FALSE(printed.empty());
}

TEST(Mutation, NeverCrashesTheLoader) {
  const auto example = project_file("config/examples/homeostat.yaml");
  const Environment environment{{"HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef"}, {"X", "[1]"}};
  std::mt19937_64 random(seed);
  std::size_t accepted = 0;
  for (int round = 0; round < 200; ++round) {
    const auto text = mutated(example, random);
    const auto result = load_text(text, "m.yaml", environment, "/nonexistent");
    check(text, result);
    if (HasFatalFailure()) FAIL() << "round " << round << " of seed " << seed;
    if (result.ok()) ++accepted;
  }
  EXPECT_GT(accepted, 5U) << "comments can be damaged without harm";
  EXPECT_LT(accepted, 195U) << "most damage must be noticed";
}

TEST(Mutation, NeverCrashesTheRuleLoader) {
  std::string all;
  for (const char* name : {"cpu", "memory", "latency", "safety"}) {
    all += project_file(std::string("config/builtin/") + name + ".yaml");
  }
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const auto text = mutated(project_file("config/builtin/safety.yaml"), random);
    const auto result = load_rules_text(text, "m.yaml", {{"X", "1%"}});
    for (const auto& diagnostic : result.diagnostics) ASSERT_FALSE(diagnostic.message.empty());
    if (!result.ok()) continue;
    for (const auto& rule : result.rules.rules) {
      ASSERT_NE(rule.when, nullptr) << text;
      ASSERT_FALSE(rule.name.empty()) << text;
      ASSERT_FALSE(rule.then.empty()) << text;
    }
  }
  EXPECT_FALSE(load_rules_text(all, "m.yaml", {}).ok()) << "`rules` four times";
}

TEST(Mutation, RepeatedTruncationAlwaysGivesAnAnswer) {
  const auto example = project_file("config/examples/homeostat.yaml");
  for (std::size_t length = 0; length < example.size(); length += 97) {
    const auto text = example.substr(0, length);
    check(text, load_text(text, "m.yaml", {{"HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef"}}, "."));
    if (HasFatalFailure()) FAIL() << "length " << length;
  }
}

}  // namespace
}  // namespace homeostat::config
