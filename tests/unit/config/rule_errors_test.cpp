// Rule files: every way to be wrong, with the exact place and words.
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

struct Bad {
  const char* text;
  const char* expected;
};

class BadRule : public testing::TestWithParam<Bad> {};

TEST_P(BadRule, IsReportedAtItsPlace) {
  EXPECT_EQ(rule_errors_of(GetParam().text), GetParam().expected) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadRule,
    testing::Values(
        Bad{"rule: []\n", "r.yaml:1:1: unknown key `rule`; did you mean `rules`?\n"},
        Bad{"- a\n",
            "r.yaml:1:1: a rule file is a map with the keys `macros`, `rules` and "
            "`disable`\n"},
        Bad{"rules:\n  - name: a\n    wehn: x\n    then: [{throttle: }]\n",
            "r.yaml:2:5: `rules[0]` needs a `when`\n"
            "r.yaml:3:5: unknown key `wehn` in `rules[0]`; did you mean `when`?\n"},
        Bad{"rules: [{name: a b, when: cpu.utilization > 1%, then: [{throttle: }]}]\n",
            "r.yaml:1:16: `rules[0].name`: `a b`: 1 to 64 letters, digits, `_` or `-` are "
            "allowed\n"},
        Bad{"rules:\n  - {name: a, when: cpu.utilization > 1%, then: [{throttle: }]}\n"
            "  - {name: a, when: cpu.utilization > 1%, then: [{throttle: }]}\n",
            "r.yaml:3:5: rule `a` is given twice; first at line 2\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], rollout: 50%}]\n",
            "r.yaml:1:78: `rules[0].rollout`: only compress and scale_ttl with `by` above 1, with "
            "scope: endpoint, can apply to a share of the requests\n"},
        // A shorter lifetime counts when a response is stored: for everyone.
        Bad{"rules: [{name: a, scope: endpoint, when: cpu.utilization > 1%, then: [{scale_ttl: "
            "{by: 0.5}}], rollout: 50%}]\n",
            "r.yaml:1:105: `rules[0].rollout`: only compress and scale_ttl with `by` above 1, with "
            "scope: endpoint, can apply to a share of the requests\n"},
        Bad{"rules: [{name: a, scope: endpoint, when: cpu.utilization > 1%, then: [{compress: }], "
            "effect: {improve: endpoint.latency_avg, within: 1m}}]\n",
            "r.yaml:1:134: `rules[0].effect.within`: `1m`: out of range; allowed is 70s to 1d\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], effect: {improve: "
            "x}}]\n",
            "r.yaml:1:87: `rules[0].effect.improve`: no signal is named `x`\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], effect: {}}]\n",
            "r.yaml:1:77: `rules[0].effect` needs an `improve`, a signal\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{release_memory: }], effect: "
            "{improve: memory.utilization}}]\n",
            "r.yaml:1:75: `rules[0].effect`: `release_memory` cannot be taken back to see what it "
            "does\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{alert: }], effect: "
            "{improve: memory.utilization}}]\n",
            "r.yaml:1:66: `rules[0].effect`: there is no action to judge\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], effect: "
            "{improve: traffic.rate}}]\n",
            "r.yaml:1:87: `rules[0].effect.improve`: more of `traffic.rate` is neither better nor "
            "worse\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], effect: "
            "{improve: traffic.latency_p95, within: 5m}}]\n",
            "r.yaml:1:116: `rules[0].effect.within`: actions that all requests get are compared in "
            "turns; that takes 10m at least\n"},
        Bad{"rules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }], effect: "
            "{improve: endpoint.latency_p95, within: 10m}}]\n",
            "r.yaml:1:87: `rules[0].effect.improve`: `endpoint.latency_p95` needs scope: "
            "endpoint\n"},
        Bad{"rules: [{name: a, scope: endpoint, when: cpu.utilization > 1%, then: [{compress: }], "
            "effect: {improve: traffic.latency_p95}}]\n",
            "r.yaml:1:104: `rules[0].effect.improve`: requests are told apart by endpoint.* "
            "signals only; write rollout: 100% to compare in turns\n"},
        Bad{"rules: [{name: a, level: adaptive, when: cpu.utilization > 1%, then: [{throttle: "
            "}]}]\n",
            "r.yaml:1:26: `rules[0].level`: `adaptive`: allowed is conservative, balanced or "
            "aggressive\n"},
        Bad{"rules: [{name: a, for: 2d, when: cpu.utilization > 1%, then: [{throttle: }]}]\n",
            "r.yaml:1:24: `rules[0].for`: `2d`: out of range; allowed is 0s to 1d\n"},
        Bad{"disable: [nothing]\n",
            "r.yaml:1:10: `disable` names `nothing`, which no earlier file has\n"},
        Bad{"disable: [a]\nrules: [{name: a, when: cpu.utilization > 1%, then: [{throttle: }]}]\n",
            "r.yaml:1:10: `disable` names `a`, a rule of the same file; write enabled: false in "
            "the "
            "rule\n"}));

INSTANTIATE_TEST_SUITE_P(
    Macros, BadRule,
    testing::Values(
        Bad{"macros: [a]\n",
            "r.yaml:1:9: `macros` expects map of names to expressions; a list was given\n"},
        Bad{"macros: {Busy: cpu.utilization > 1%}\n",
            "r.yaml:1:10: `macros`: 'Busy' cannot name a macro: write lower-case letters, digits "
            "and '_', and no word of the language\n"},
        Bad{"macros:\n  busy: cpu.utilisation > 80%\n",
            "r.yaml:2:9: `macros.busy`: unknown signal 'cpu.utilisation'; did you mean "
            "'cpu.utilization'?\n"
            "    cpu.utilisation > 80%\n    ^^^^^^^^^^^^^^^\n"},
        Bad{"macros:\n  slow: endpoint.rate > 1/s\nrules:\n"
            "  - {name: a, when: true and slow, then: [{throttle: }]}\n",
            "r.yaml:4:30: `rules[0].when`: in macro 'slow': 'endpoint.rate' exists only in rules "
            "with 'scope: endpoint'\n"
            "    true and slow\n             ^^^^\n"}));

#define RULE(then) "rules: [{name: a, when: cpu.utilization > 1%, then: " then "}]\n"

INSTANTIATE_TEST_SUITE_P(
    Actions, BadRule,
    testing::Values(
        Bad{RULE("[]"),
            "r.yaml:1:53: `rules[0].then` must be a list of 1 to 8 actions, e.g. [{throttle: {to: "
            "70%}}]\n"},
        Bad{RULE("[emergency]"),
            "r.yaml:1:54: `rules[0].then[0]` must be a map of one key, the action's name: "
            "scale_ttl, "
            "compress, throttle, release_memory, emergency or alert; write emergency: {}\n"},
        Bad{RULE("[{throtle: {to: 1%}}]"),
            "r.yaml:1:55: `rules[0].then[0]`: unknown action `throtle`; did you mean "
            "`throttle`?\n"},
        Bad{RULE("[{throttle: {to: 1%}}]"),
            "r.yaml:1:70: `rules[0].then[0].throttle.to`: `1%`: out of range; allowed is 5% to "
            "100%\n"},
        Bad{RULE("[{throttle: {too: 10%}}]"),
            "r.yaml:1:66: unknown key `too` in `rules[0].then[0].throttle`; did you mean `to`?\n"},
        Bad{RULE("[{throttle: 70%}]"),
            "r.yaml:1:65: `rules[0].then[0].throttle` must be a map of keys; a single value was "
            "given\n"},
        Bad{RULE("[{emergency: {now: 1}}]"),
            "r.yaml:1:67: unknown key `now` in `rules[0].then[0].emergency`\n"},
        Bad{RULE("[{throttle: }, {throttle: }]"),
            "r.yaml:1:69: `rules[0].then[1]`: the rule has two actions `throttle`\n"},
        Bad{RULE("[{scale_ttl: {by: 11, max: 0s}}]"),
            "r.yaml:1:71: `rules[0].then[0].scale_ttl.by`: `11`: out of range; allowed is 0.1 to "
            "10\n"
            "r.yaml:1:80: `rules[0].then[0].scale_ttl.max`: `0s`: out of range; allowed is 1s to "
            "365d\n"}));

TEST(BadCondition, IsUnderlinedAtTheOffendingPiece) {
  EXPECT_EQ(rule_errors_of("rules:\n"
                           "  - name: a\n"
                           "    when: cpu.utilisation > 90%\n"
                           "    then: [{throttle: }]\n"),
            "r.yaml:3:11: `rules[0].when`: unknown signal 'cpu.utilisation'; did you mean "
            "'cpu.utilization'?\n"
            "    cpu.utilisation > 90%\n"
            "    ^^^^^^^^^^^^^^^\n");
}

TEST(BadCondition, OnSeveralLinesIsFoundOnItsOwn) {
  const std::string text =
      "rules:\n"
      "  - name: a\n"
      "    when: >-\n"
      "      cpu.utilization > 90% and\n"
      "      memory.utilisation > 1%\n"
      "    then: [{throttle: }]\n";
  EXPECT_EQ(rule_errors_of(text).substr(0, 31), "r.yaml:5:7: `rules[0].when`: un");
  const std::string literal =
      "rules:\n"
      "  - name: a\n"
      "    until: |\n"
      "      cpu.utilization > 90% and\n"
      "      memory.utilisation > 1%\n"
      "    when: cpu.utilization > 1%\n"
      "    then: [{throttle: }]\n";
  const auto errors = rule_errors_of(literal);
  EXPECT_EQ(errors.substr(0, 32), "r.yaml:5:7: `rules[0].until`: un");
  EXPECT_NE(errors.find("\n    memory.utilisation > 1%\n    ^^^^^^^^^^^^^^^^^^\n"),
            std::string::npos)
      << errors;
}

TEST(BadCondition, EndpointSignalsNeedEndpointScope) {
  const auto errors =
      rule_errors_of("rules: [{name: a, when: endpoint.rate > 1/s, then: [{throttle: }]}]\n");
  EXPECT_EQ(errors.substr(0, 30), "r.yaml:1:25: `rules[0].when`: ") << errors;
}

TEST(BadCondition, OfAMapIsAWrongType) {
  EXPECT_EQ(rule_errors_of("rules: [{name: a, when: {x: 1}, then: [{throttle: }]}]\n"),
            "r.yaml:1:25: `rules[0].when` expects condition; a map was given\n");
}

TEST(BadCondition, ALongOneIsShortenedAroundTheOffence) {
  std::string condition = "cpu.utilization > 1%";
  for (int i = 0; i < 40; ++i) condition += " and cpu.utilization > 1%";
  condition += " and nonsense > 1%";
  const auto errors = rule_errors_of("rules:\n  - name: a\n    when: " + condition +
                                     "\n    then: [{throttle: }]\n");
  EXPECT_LT(errors.size(), 450U);
  EXPECT_NE(errors.find("nonsense"), std::string::npos);
}

}  // namespace
}  // namespace homeostat::config
