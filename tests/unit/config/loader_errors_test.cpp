// Every way to be wrong, with the exact place and words of the answer.
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

struct Bad {
  const char* text;  ///< follows the two lines of `base`, so it starts at line 3
  const char* expected;
};

class BadInput : public testing::TestWithParam<Bad> {};

TEST_P(BadInput, IsReportedAtItsPlace) {
  EXPECT_EQ(errors_below_base(GetParam().text), GetParam().expected) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    UnknownKeys, BadInput,
    testing::Values(
        Bad{"upstrem: {}\n", "t.yaml:3:1: unknown key `upstrem`; did you mean `upstream`?\n"},
        Bad{"cache:\n  memroy: 1MiB\n",
            "t.yaml:4:3: unknown key `memroy` in `cache`; did you mean `memory`?\n"},
        Bad{"key_prefix: x\n",
            "t.yaml:3:1: unknown key `key_prefix`; did you mean `cache.key_prefix`?\n"},
        Bad{"log: {access: {smaple: 1%}}\n",
            "t.yaml:3:16: unknown key `smaple` in `log.access`; did you mean `sample`?\n"},
        Bad{"log: {zebra: 1}\n",
            "t.yaml:3:7: unknown key `zebra` in `log`; known here: format, level or access\n"},
        Bad{"cache: {rules: [{match: {paht: /a}, ttl: 1s}]}\n",
            "t.yaml:3:26: unknown key `paht` in `cache.rules[0].match`; did you mean `path`?\n"},
        Bad{"cache: {rules: [{ttl: 1s}]}\n",
            "t.yaml:3:17: `cache.rules[0]` needs a `match` with a `path`\n"},
        Bad{"admin: {tokens: [{nam: x, secret: 0123456789abcdef}]}\n",
            "t.yaml:3:18: `admin.tokens[0]` needs a `name`\n"
            "t.yaml:3:19: unknown key `nam` in `admin.tokens[0]`; did you mean `name`?\n"}));

INSTANTIATE_TEST_SUITE_P(
    WrongTypes, BadInput,
    testing::Values(
        Bad{"cache: 5\n", "t.yaml:3:8: `cache` must be a map of keys; a single value was given\n"},
        Bad{"log: {level: [a]}\n",
            "t.yaml:3:14: `log.level` expects word (trace, debug, info, warn or error); a list was "
            "given\n"},
        Bad{"workers:\n", "t.yaml:3:1: `workers` has no value; it expects integer\n"},
        Bad{"cache: {rules: {ttl: 1s}}\n",
            "t.yaml:3:16: `cache.rules` expects list of maps (at most 500 entries); a map was "
            "given\n"},
        Bad{"cache: {rules: [1]}\n",
            "t.yaml:3:17: `cache.rules[0]` must be a map of keys; a single value was given\n"},
        Bad{"monitor: {disks: /}\n",
            "t.yaml:3:18: `monitor.disks` expects list of mount points (at most 32 entries); a "
            "single "
            "value was given\n"},
        Bad{"monitor: {disks: [[/]]}\n",
            "t.yaml:3:19: `monitor.disks[0]`: must be mount points; a list was given\n"}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadInput,
    testing::Values(
        Bad{"workers: many\n",
            "t.yaml:3:10: `workers`: `many`: not a whole number; allowed is 1 to 256, or auto\n"},
        Bad{"workers: 257\n",
            "t.yaml:3:10: `workers`: `257`: out of range; allowed is 1 to 256, or auto\n"},
        Bad{"workers: -1\n",
            "t.yaml:3:10: `workers`: `-1`: out of range; allowed is 1 to 256, or auto\n"},
        Bad{"cache: {memory: 100}\n",
            "t.yaml:3:17: `cache.memory`: `100`: the unit is missing: B, KB, MB, GB, KiB, MiB or "
            "GiB, "
            "e.g. 100MiB\n"},
        Bad{"cache: {memory: 1KiB}\n",
            "t.yaml:3:17: `cache.memory`: `1KiB`: out of range; allowed is 1MiB to 1TiB\n"},
        Bad{"server: {idle_timeout: 30}\n",
            "t.yaml:3:24: `server.idle_timeout`: `30`: the unit is missing: ns, us, ms, s, m, h or "
            "d, "
            "e.g. 30s\n"},
        Bad{"server: {idle_timeout: 1500ms}\n",
            "t.yaml:3:24: `server.idle_timeout`: `1500ms`: finer than 1s, the resolution of this "
            "key\n"},
        Bad{"server: {idle_timeout: 0s}\n",
            "t.yaml:3:24: `server.idle_timeout`: `0s`: out of range; allowed is 1s to 1d\n"},
        Bad{"server: {via: maybe}\n",
            "t.yaml:3:15: `server.via`: `maybe`: must be true or false\n"},
        Bad{"log: {access: {sample: 120%}}\n",
            "t.yaml:3:24: `log.access.sample`: `120%`: out of range; allowed is 0% to 100%\n"},
        Bad{"log: {access: {sample: -1%}}\n",
            "t.yaml:3:24: `log.access.sample`: `-1%`: out of range; allowed is 0% to 100%\n"},
        Bad{"log: {level: debgu}\n",
            "t.yaml:3:14: `log.level`: `debgu`: allowed is trace, debug, info, warn or error\n"},
        Bad{"admission: {mode: shado}\n",
            "t.yaml:3:19: `admission.mode`: `shado`: allowed is off, shadow or on; did you mean "
            "`shadow`?\n"},
        Bad{"admission: {reject_status: 500}\n",
            "t.yaml:3:28: `admission.reject_status`: `500`: allowed is 429 or 503\n"},
        Bad{"admission: {limit_max: 1e9}\n",
            "t.yaml:3:24: `admission.limit_max`: `1e9`: out of range; allowed is 1 to 100000\n"},
        Bad{"optimization: {level: brave}\n",
            "t.yaml:3:23: `optimization.level`: `brave`: allowed is conservative, balanced, "
            "aggressive "
            "or adaptive\n"}));

INSTANTIATE_TEST_SUITE_P(
    Texts, BadInput,
    testing::Values(
        Bad{"cache: {key_prefix: \"a b\"}\n",
            "t.yaml:3:21: `cache.key_prefix`: `a b`: 1 to 64 letters, digits, `_` or `-` are "
            "allowed\n"},
        Bad{"cache: {rules: [{match: {path: api}, ttl: 1s}]}\n",
            "t.yaml:3:32: `cache.rules[0].match.path`: `api`: a path pattern starts with / (or *), "
            "e.g. "
            "/api/v1/books/*\n"},
        Bad{"cache: {rules: [{match: {path: \"/a?b\"}, ttl: 1s}]}\n",
            "t.yaml:3:32: `cache.rules[0].match.path`: `/a?b`: a path pattern matches the path "
            "only, "
            "without ?query or #fragment\n"},
        Bad{"cache: {rules: [{match: {path: /a, methods: [get]}, ttl: 1s}]}\n",
            "t.yaml:3:46: `cache.rules[0].match.methods[0]`: `get`: methods are written in "
            "capitals: "
            "GET\n"},
        Bad{"cache: {rules: [{match: {path: /a}, vary: ['A B']}]}\n",
            "t.yaml:3:44: `cache.rules[0].vary[0]`: `A B`: not the name of a header field\n"},
        Bad{"compression: {types: [json]}\n",
            "t.yaml:3:23: `compression.types[0]`: `json`: not a media type without parameters, "
            "e.g. "
            "text/* or application/json\n"},
        Bad{"monitor: {endpoints: {routes: ['/a/{b/c}']}}\n",
            "t.yaml:3:32: `monitor.endpoints.routes[0]`: `/a/{b/c}`: braces must stand in pairs "
            "inside "
            "one path segment\n"},
        Bad{"monitor: {disks: [/, /]}\n", "t.yaml:3:22: `monitor.disks[1]`: given twice\n"},
        Bad{"monitor: {app: {pid_file: app.pid}}\n",
            "t.yaml:3:27: `monitor.app.pid_file`: `app.pid`: an absolute path is needed\n"},
        Bad{"alerts: {labels: {alertname: x}}\n",
            "t.yaml:3:19: a name in `alerts.labels`: this label is set by homeostat itself\n"},
        Bad{"alerts: {labels: {a-b: x}}\n",
            "t.yaml:3:19: a name in `alerts.labels`: not a label name: letters, digits and `_`, no "
            "digit or `__` in front\n"},
        Bad{"alerts: {alertmanager: https://a}\n",
            "t.yaml:3:24: `alerts.alertmanager`: `https://a`: https is not available in this "
            "version; use "
            "http://\n"},
        Bad{"alerts: {webhooks: [x]}\n",
            "t.yaml:3:21: `alerts.webhooks[0]`: `x`: not a URL; write http://host:port/path\n"}));

INSTANTIATE_TEST_SUITE_P(
    Events, BadInput,
    testing::Values(
        Bad{"cache: {events: {review.created: ['event:nothing']}}\n",
            "t.yaml:3:17: `cache.events.review.created` names the event `nothing`, which there is "
            "not\n"},
        Bad{"cache: {events: {a: ['book:{id']}}\n",
            "t.yaml:3:22: `cache.events.a[0]`: `book:{id`: expected each `{name}` to open and "
            "close, and to have a name\n"},
        Bad{"cache: {warm: {schedule: '* 24 * * *'}}\n",
            "t.yaml:3:26: `cache.warm.schedule`: `* 24 * * *`: hour: \"24\" is not within "
            "0-23\n"},
        Bad{"cache: {warm: {schedule: '0 5 * *'}}\n",
            "t.yaml:3:26: `cache.warm.schedule`: `0 5 * *`: expected five fields: minute "
            "hour day-of-month month day-of-week\n"},
        Bad{"cache: {warm: {schedule: '0 0 30 feb *'}}\n",
            "t.yaml:3:26: `cache.warm.schedule`: `0 0 30 feb *`: there is no such day\n"}));

INSTANTIATE_TEST_SUITE_P(
    NotInThisVersion, BadInput,
    testing::Values(
        Bad{"cache: {staleness_budget: 1%}\n",
            "t.yaml:3:9: `cache.staleness_budget` is not available in this version\n"},
        Bad{"cache: {rules: [{match: {path: /a}, tags: ['a b']}]}\n",
            "t.yaml:3:44: `cache.rules[0].tags[0]`: `a b`: a tag has no blanks and no commas, e.g. "
            "books or book:42\n"},
        Bad{"compression: {algorithms: [gzip, gz]}\n",
            "t.yaml:3:34: `compression.algorithms[1]`: `gz`: allowed is gzip, br or zstd\n"},
        Bad{"compression: {algorithms: [gzip, br, gzip]}\n",
            "t.yaml:3:38: `compression.algorithms[2]`: `gzip`: given twice\n"},
        Bad{"compression: {algorithms: []}\n",
            "t.yaml:3:27: `compression.algorithms` expects list of words (zstd, br or gzip, each "
            "once); a list was given\n"},
        Bad{"compression: {levels: {text/html: 10}}\n",
            "t.yaml:3:35: `compression.levels.text/html`: `10`: out of range; allowed is 1 to 9\n"},
        Bad{"monitor: {scrape: 9000}\n",
            "t.yaml:3:19: `monitor.scrape`: `9000`: not a URL; write http://host:port/path\n"},
        Bad{"slo: [{target: 99.9%}]\n", "t.yaml:3:7: `slo[0]` needs a `name`\n"},
        Bad{"slo: [{name: a, target: 100%}]\n",
            "t.yaml:3:25: `slo[0].target`: `100%`: out of range; allowed is 50% to 99.999%\n"}));

INSTANTIATE_TEST_SUITE_P(
    Contradictions, BadInput,
    testing::Values(
        Bad{"admin: {listen: 0.0.0.0:9180}\n",
            "t.yaml:3:17: the management listener at 0.0.0.0:9180 can be reached from other "
            "machines "
            "and has no token; add admin.tokens, or listen on 127.0.0.1\n"},
        Bad{"admin: {listen: \":9180\"}\n",
            "t.yaml:3:17: the management listener at :9180 can be reached from other machines and "
            "has "
            "no token; add admin.tokens, or listen on 127.0.0.1\n"},
        Bad{"admin: {listen: 127.0.0.1:8080}\n",
            "t.yaml:3:17: `admin.listen` and `listen` are the same address\n"},
        Bad{"admission: {limit_min: 10, limit_max: 5}\n",
            "t.yaml:3:24: `admission.limit_min` is above `admission.limit_max`\n"},
        Bad{"admission: {limit_initial: 5, limit_min: 10}\n",
            "t.yaml:3:28: `admission.limit_initial` (5) is not between limit_min (10) and "
            "limit_max "
            "(4000)\n"},
        Bad{"admission: {limit_max: 5}\n",
            "t.yaml:3:24: `admission.limit_initial` (20) is not between limit_min (1) and "
            "limit_max "
            "(5)\n"},
        Bad{"optimization: {interval: 10s}\n",
            "t.yaml:3:26: `optimization.policy_lease` must be at least twice "
            "`optimization.interval` "
            "(10s), or it lapses between two decisions\n"},
        Bad{"compression: {min_size: 2KiB, max_size: 1KiB}\n",
            "t.yaml:3:25: `compression.min_size` is above `compression.max_size`\n"},
        Bad{"cache: {memory: 1MiB, object_bytes_max: 2MiB}\n",
            "t.yaml:3:41: `cache.object_bytes_max` is above `cache.memory`\n"},
        Bad{"optimization: {interval: 10s, policy_lease: 15s}\n",
            "t.yaml:3:45: `optimization.policy_lease` must be at least twice "
            "`optimization.interval` "
            "(10s), or it lapses between two decisions\n"},
        Bad{"cache: {rules: [{match: {path: /a}, bypass: true, ttl: 1s}]}\n",
            "t.yaml:3:45: `cache.rules[0].bypass`: a bypassed request is never cached, so of the "
            "other keys only cache_control, json and invalidate_on have a place\n"},
        Bad{"cache: {rules: [{match: {path: /a}, bypass: true, write: through}]}\n",
            "t.yaml:3:45: `cache.rules[0].bypass`: a bypassed request is never cached, so of the "
            "other keys only cache_control, json and invalidate_on have a place\n"},
        Bad{"cache: {rules: [{match: {path: /a, methods: [POST]}, post: true, write: "
            "through}]}\n",
            "t.yaml:3:73: `cache.rules[0].write`: `match.methods` leaves GET out, which is what is "
            "fetched after a write\n"},
        Bad{"cache: {rules: [{match: {path: /a}, ttl_min: 2s, ttl_max: 1s}]}\n",
            "t.yaml:3:46: `cache.rules[0].ttl_min` is above `cache.rules[0].ttl_max`\n"},
        Bad{"cache: {rules: [{match: {path: /a}, query_drop: [a], query_keep: [b]}]}\n",
            "t.yaml:3:66: `cache.rules[0].query_keep` and `cache.rules[0].query_drop` exclude each "
            "other: what is not kept is dropped\n"},
        Bad{"cache: {query_drop: [a], query_keep: [b]}\n",
            "t.yaml:3:38: `cache.query_keep` and `cache.query_drop` exclude each other: what is "
            "not kept is dropped\n"},
        Bad{"cache: {rules: [{match: {path: /a}, cache_control: 'public, max-age'}]}\n",
            "t.yaml:3:52: `cache.rules[0].cache_control`: `public, max-age`: `max-age` needs whole "
            "seconds, e.g. max-age=60\n"},
        Bad{"cache: {rules: [{match: {path: /a}, cache_control: 'pubic'}]}\n",
            "t.yaml:3:52: `cache.rules[0].cache_control`: `pubic`: `pubic` is no directive of a "
            "response\n"},
        Bad{"cache: {rules: [{match: {path: /a, methods: [GET]}, post: true, ttl: 1s}]}\n",
            "t.yaml:3:59: `cache.rules[0].post`: `match.methods` leaves POST out\n"},
        Bad{"cache: {rules: [{match: {path: /a, methods: [POST]}, ttl: 1s}]}\n",
            "t.yaml:3:25: `cache.rules[0].match.methods` names POST, which is cached only with "
            "`post: "
            "true`\n"},
        Bad{"cache: {rules: [{match: {path: /a}, override_origin: true}]}\n",
            "t.yaml:3:54: `cache.rules[0].override_origin` needs a `ttl`\n"},
        Bad{"admission: {priorities: [{match: {path: /a}}]}\n",
            "t.yaml:3:26: `admission.priorities[0]` needs a `class`: critical, high, normal or "
            "low\n"}));

TEST(BadFile, AllErrorsAreReportedAtOnce) {
  EXPECT_EQ(
      errors_of("listen: 8080\nupstream: {url: app, timout: 3s}\ncache: {memory: 1}\nx: 1\n"),
      "t.yaml:1:9: `listen`: `8080`: not an IPv4 address\n"
      "t.yaml:2:17: `upstream.url`: not a URL; write http://host:port or unix:/path\n"
      "t.yaml:2:22: unknown key `timout` in `upstream`; did you mean `timeout`?\n"
      "t.yaml:3:17: `cache.memory`: `1`: the unit is missing: B, KB, MB, GB, KiB, MiB or GiB, "
      "e.g. 100MiB\n"
      "t.yaml:4:1: unknown key `x`; known here: listen, workers, reload_on_change, server, "
      "upstream, admin, "
      "cache, compression, admission, monitor, slo, optimization, alerts or log\n");
}

TEST(BadFile, MissingKeysAreNamed) {
  EXPECT_EQ(errors_of(""),
            "t.yaml:1:1: `listen` is required; write e.g. listen: 127.0.0.1:8080\n"
            "t.yaml:1:1: `upstream.url` is required; write e.g. url: http://127.0.0.1:9000\n");
  EXPECT_EQ(errors_of("- a\n"), "t.yaml:1:1: the configuration must be a map of keys\n");
}

TEST(BadFile, ATlsListenerIsRefused) {
  EXPECT_EQ(errors_of("listen: [{address: \":443\", tls: {}}]\nupstream: {url: http://a}\n"),
            "t.yaml:1:10: a TLS listener is not available in this version\n");
}

TEST(BadFile, ALoopIsRefused) {
  EXPECT_EQ(errors_of("listen: 127.0.0.1:80\nupstream: {url: http://127.0.0.1}\n"),
            "t.yaml:2:17: `upstream.url` and `listen` are the same address: a loop\n");
}

TEST(BadFile, HealthCheckWithoutAPathIsRefused) {
  EXPECT_EQ(errors_of("listen: :1\nupstream: {url: http://a, health: {interval: 3s}}\n"),
            "t.yaml:2:35: `upstream.health` without a `path` checks nothing; write e.g. path: "
            "/healthz\n");
}

TEST(BadFile, ContradictionsAreToldTogetherWithWrongValues) {
  EXPECT_EQ(errors_of("listen: 127.0.0.1:8080\n"
                      "upstream: {url: http://127.0.0.1:9000}\n"
                      "admin: {listen: 0.0.0.0:9180}\n"
                      "cache: {memory: lots}\n"),
            "t.yaml:3:17: the management listener at 0.0.0.0:9180 can be reached from other "
            "machines and has no token; add admin.tokens, or listen on 127.0.0.1\n"
            "t.yaml:4:17: `cache.memory`: `lots`: not a number with a unit: B, KB, MB, GB, KiB, "
            "MiB or GiB, "
            "e.g. 100MiB\n");
}

TEST(BadFile, ContradictionsOfValuesThatCannotBeReadAreNotGuessed) {
  const std::string tokens = errors_below_base(
      "admin: {listen: 0.0.0.0:9180, tokens: [{name: ops, rule: operator, secret: "
      "0123456789abcdef}]}\n");
  EXPECT_NE(tokens.find("unknown key `rule`"), std::string::npos) << tokens;
  EXPECT_EQ(tokens.find("has no token"), std::string::npos) << tokens;
  const std::string misspelt = errors_below_base("admin: {listen: 0.0.0.0:9180, tokns: []}\n");
  EXPECT_EQ(misspelt.find("has no token"), std::string::npos) << misspelt;
  const std::string unset = errors_below_base(
      "admin: {listen: 0.0.0.0:9180, tokens: [{name: ops, secret: \"${NOT_SET}\"}]}\n");
  EXPECT_EQ(unset.find("has no token"), std::string::npos) << unset;
}

TEST(FurtherChecks, AreReportedTogetherWhereTheKeysStand) {
  const FurtherCheck check = [](const Settings&, const Complain& complain) {
    complain("alerts.webhooks[1]", "no hook");
    complain("alerts.alertmanager", "no manager");
    complain("monitor.scrape", "no page");
  };
  const std::string text = std::string(base) +
                           "alerts:\n"
                           "  webhooks: [http://a/, http://b/]\n"
                           "  resend: 1m\n";
  EXPECT_EQ(format(load_text(text, "t.yaml", {}, ".", {}, check).diagnostics),
            "t.yaml:1:1: `monitor.scrape`: no page\n"
            "t.yaml:4:3: `alerts.alertmanager`: no manager\n"
            "t.yaml:4:25: `alerts.webhooks[1]`: no hook\n");
}

TEST(FurtherChecks, SayNothingAboutWhatIsWrongAlready) {
  const FurtherCheck check = [](const Settings&, const Complain& complain) {
    complain("cache.memory", "never said");
    complain("alerts.alertmanager", "said all the same");
  };
  const auto result = load_text("cache: {memory: 1}\n", "t.yaml", {}, ".", {}, check);
  EXPECT_EQ(format(result.diagnostics).find("never said"), std::string::npos);
  EXPECT_NE(format(result.diagnostics).find("said all the same"), std::string::npos);
}

TEST(AlertLabels, ThatHomeostatSetsAreRefused) {
  for (const char* name : {"alertname", "severity", "service", "instance", "scope", "injected"}) {
    EXPECT_NE(errors_below_base("alerts: {labels: {" + std::string(name) + ": x}}\n")
                  .find("this label is set by homeostat itself"),
              std::string::npos)
        << name;
  }
  EXPECT_EQ(errors_below_base("alerts: {labels: {team: x}}\n"), "");
}

}  // namespace
}  // namespace homeostat::config
