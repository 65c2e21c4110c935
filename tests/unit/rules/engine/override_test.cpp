// What operators may set on a loaded rule: each term by itself.
#include <functional>

#include "rules/engine/rule_definition.hpp"
#include "rules/engine/rule_override.hpp"
#include "tests/unit/rules/engine/engine_helpers.hpp"

namespace homeostat::rules::testing {
namespace {

struct Term {
  const char* name;
  std::function<void(RuleChoice&)> choose;
  std::function<void(Rule&)> as_loaded_so;  ///< a rule file that says the same
};

const std::vector<Term>& terms() {
  static const std::vector<Term> all = {
      {"enabled", [](RuleChoice& c) { c.enabled = false; }, [](Rule& r) { r.enabled = false; }},
      {"level", [](RuleChoice& c) { c.terms.level = Level::aggressive; },
       [](Rule& r) { r.level = Level::aggressive; }},
      {"for", [](RuleChoice& c) { c.terms.for_ = 7s; }, [](Rule& r) { r.for_ = 7s; }},
      {"hold", [](RuleChoice& c) { c.terms.hold = 8s; }, [](Rule& r) { r.hold = 8s; }},
      {"cooldown", [](RuleChoice& c) { c.terms.cooldown = 9s; }, [](Rule& r) { r.cooldown = 9s; }},
      {"no_data", [](RuleChoice& c) { c.terms.no_data = NoData::fire; },
       [](Rule& r) { r.no_data = NoData::fire; }},
      {"priority", [](RuleChoice& c) { c.terms.priority = 10; }, [](Rule& r) { r.priority = 10; }},
      {"dry_run", [](RuleChoice& c) { c.terms.dry_run = true; }, [](Rule& r) { r.dry_run = true; }},
      {"every_level", [](RuleChoice& c) { c.terms.every_level = true; },
       [](Rule& r) { r.every_level = true; }},
  };
  return all;
}

bool same(const Rule& a, const Rule& b) { return same_definition(a, b) && a.enabled == b.enabled; }

TEST(RuleOverride, ChangesTheTermThatIsSetAndNoOther) {
  const Rule loaded = rule("busy", "cpu.utilization > 90%", {Throttle{}});
  for (const Term& term : terms()) {
    RuleChoice choice;
    EXPECT_TRUE(choice.empty());
    term.choose(choice);
    EXPECT_FALSE(choice.empty()) << term.name;
    Rule expected = loaded;
    term.as_loaded_so(expected);
    EXPECT_FALSE(same(loaded, expected)) << term.name << " would not show";
    EXPECT_TRUE(same(with(loaded, choice), expected)) << term.name;
  }
}

TEST(RuleOverride, IsTakenOverByARunningEngineAndGivenBack) {
  const Rule loaded = rule("busy", "cpu.utilization > 90%", {Throttle{}});
  for (const Term& term : terms()) {
    Engine engine(set_of({loaded}));
    RuleChoice choice;
    term.choose(choice);
    const Rule chosen = with(loaded, choice);
    ASSERT_TRUE(engine.adjust(chosen));
    EXPECT_TRUE(same(engine.rules().rules[0], chosen)) << term.name;
    ASSERT_TRUE(engine.adjust(loaded));
    EXPECT_TRUE(same(engine.rules().rules[0], loaded)) << term.name;
  }
}

}  // namespace
}  // namespace homeostat::rules::testing
