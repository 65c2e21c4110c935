// cache, compression.
#include <array>

#include "config/cron.hpp"
#include "config/list_leaves.hpp"
#include "config/rows_leaf.hpp"
#include "config/schema.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t rules_max = 500;
constexpr std::chrono::seconds stale_max = 7 * 24h;
constexpr std::uint64_t tebibyte = 1024 * 1024 * mebibyte;
constexpr std::string_view not_available = "is not available in this version";

bool names_method(const RequestMatch& match, std::string_view method) {
  for (const auto& name : match.methods) {
    if (name == method) return true;
  }
  return false;
}

CheckResult check_cron(std::string_view text) {
  auto parsed = Cron::parse(text);
  if (auto* error = std::get_if<std::string>(&parsed)) return std::move(*error);
  if (!std::get<Cron>(parsed).next({})) return "there is no such day";
  return std::nullopt;
}

void visit_entries(Visitor& visitor, EntrySettings& entries) {
  visitor.begin({"entries", Apply::restart});
  visitor.leaf({"memory", Apply::restart}, SizeLeaf(entries.memory, 0, tebibyte));
  visitor.leaf({"ttl", Apply::restart}, DurationLeaf(entries.ttl, 1s, 365 * 24h));
  visitor.leaf({"behind_interval", Apply::restart},
               DurationLeaf(entries.behind_interval, 1ms, 1min));
  visitor.leaf({"behind_memory", Apply::restart}, SizeLeaf(entries.behind_memory, 0, tebibyte));
  visitor.leaf({"behind_entries_max", Apply::restart},
               IntegerLeaf(entries.behind_entries_max, 1, 10'000'000));
  visitor.end();
}

void visit_warm(Visitor& visitor, WarmSettings& warm) {
  visitor.begin({"warm", Apply::restart});
  visitor.leaf({"urls", Apply::restart},
               TextListLeaf(warm.urls, "URLs", check_url, {10'000, 4096}));
  visitor.leaf({"at_start", Apply::restart}, BoolLeaf(warm.at_start));
  visitor.leaf({"schedule", Apply::restart}, TextLeaf(warm.schedule, "cron schedule", check_cron));
  visitor.leaf({"rate", Apply::restart}, NumberLeaf(warm.rate, 0.1, 1000));
  visitor.leaf({"popular_max", Apply::restart}, IntegerLeaf(warm.popular_max, 0, 10'000));
  visitor.leaf({"file", Apply::restart}, TextLeaf(warm.file, "file", check_absolute_path));
  visitor.leaf({"save_interval", Apply::restart}, DurationLeaf(warm.save_interval, 1s, 24h));
  visitor.leaf({"ready_max", Apply::restart}, DurationLeaf(warm.ready_max, 0s, 1h));
  visitor.end();
}

void visit_rule(Visitor& visitor, CacheRule& rule) {
  visit_match(visitor, rule.match);
  visitor.leaf({"ttl"}, DurationLeaf(rule.ttl, 0s, 365 * 24h));
  visitor.leaf({"ttl_min"}, DurationLeaf(rule.ttl_min, 0s, 365 * 24h));
  visitor.leaf({"ttl_max"}, DurationLeaf(rule.ttl_max, 0s, 365 * 24h));
  visitor.leaf({"post"}, BoolLeaf(rule.post));
  visitor.leaf({"authenticated"}, BoolLeaf(rule.authenticated));
  visitor.leaf({"all_tenants"}, BoolLeaf(rule.all_tenants));
  visitor.leaf({"bypass"}, BoolLeaf(rule.bypass));
  visitor.leaf({"write"}, ChoiceLeaf(rule.write, words::write_mode));
  visitor.leaf({"override_origin"}, BoolLeaf(rule.override_origin));
  visitor.leaf({"query_drop"}, TextListLeaf(rule.query_drop, "parameters", check_parameter, {}));
  visitor.leaf({"query_keep"}, TextListLeaf(rule.query_keep, "parameters", check_parameter, {}));
  visitor.leaf({"etag"}, BoolLeaf(rule.etag));
  visitor.leaf({"cache_control"},
               TextLeaf(rule.cache_control, "Cache-Control", check_cache_control));
  visitor.begin({"json"});
  visitor.leaf({"whitespace"}, BoolLeaf(rule.json.whitespace));
  visitor.leaf({"nulls"}, BoolLeaf(rule.json.nulls));
  visitor.end();
  visitor.leaf({"vary"}, TextListLeaf(rule.vary, "field names", check_field_name, {16, 128}));
  visitor.leaf({"tags"}, TextListLeaf(rule.tags, "tags", check_tag, {32, 128}));
  visitor.leaf({"invalidate_on"},
               TextListLeaf(rule.invalidate_on, "path patterns", check_path_pattern, {}));
  visitor.leaf({"stale_while_revalidate"},
               DurationLeaf(rule.stale_while_revalidate, 0s, stale_max));
  visitor.leaf({"stale_if_error"}, DurationLeaf(rule.stale_if_error, 0s, stale_max));
}

void check_rule(CacheRule& rule, const Node& row, const std::string& path, Reading& reading,
                bool clean) {
  if (!clean) return;
  const auto place_of = [&row](std::string_view key) {
    const auto* child = row.find(key);
    return child == nullptr ? row.place : child->place;
  };
  if (rule.match.path.empty()) {
    reading.report.error(row.place, fmt::format("`{}` needs a `match` with a `path`", path));
    return;
  }
  if (rule.bypass &&
      (rule.ttl || rule.ttl_min || rule.ttl_max || rule.post || rule.authenticated ||
       rule.all_tenants || rule.override_origin || rule.etag || !rule.query_drop.empty() ||
       !rule.query_keep.empty() || !rule.vary.empty() || !rule.tags.empty() ||
       rule.write != WriteMode::invalidate || rule.stale_while_revalidate || rule.stale_if_error)) {
    reading.report.error(place_of("bypass"),
                         fmt::format("`{}.bypass`: a bypassed request is never cached, so of the "
                                     "other keys only cache_control, json and invalidate_on have "
                                     "a place",
                                     path));
  }
  if (rule.post && !rule.match.methods.empty() && !names_method(rule.match, "POST")) {
    reading.report.error(place_of("post"),
                         fmt::format("`{}.post`: `match.methods` leaves POST out", path));
  }
  if (rule.write == WriteMode::through && !rule.match.methods.empty() &&
      !names_method(rule.match, "GET")) {
    reading.report.error(place_of("write"),
                         fmt::format("`{}.write`: `match.methods` leaves GET out, which is what is "
                                     "fetched after a write",
                                     path));
  }
  if (!rule.post && !rule.bypass && names_method(rule.match, "POST")) {
    reading.report.error(place_of("match"),
                         fmt::format("`{}.match.methods` names POST, which is cached only with "
                                     "`post: true`",
                                     path));
  }
  if (rule.ttl_min && rule.ttl_max && *rule.ttl_min > *rule.ttl_max) {
    reading.report.error(place_of("ttl_min"),
                         fmt::format("`{}.ttl_min` is above `{}.ttl_max`", path, path));
  }
  if (!rule.query_drop.empty() && !rule.query_keep.empty()) {
    reading.report.error(place_of("query_keep"),
                         fmt::format("`{}.query_keep` and `{}.query_drop` exclude each other: what "
                                     "is not kept is dropped",
                                     path, path));
  }
  if (rule.override_origin && !rule.ttl) {
    reading.report.error(place_of("override_origin"),
                         fmt::format("`{}.override_origin` needs a `ttl`", path));
  }
}

void visit_tags(Visitor& visitor, CacheTagSettings& tags) {
  visitor.begin({"tags"});
  visitor.leaf({"fields"}, TextListLeaf(tags.fields, "field names", check_field_name, {16, 128}));
  visitor.leaf({"remove"}, BoolLeaf(tags.remove));
  visitor.leaf({"per_object_max"}, IntegerLeaf(tags.per_object_max, 1, 1000));
  visitor.leaf({"distinct_max", Apply::restart}, IntegerLeaf(tags.distinct_max, 1, 10'000'000));
  visitor.end();
}

void visit_tenant(Visitor& visitor, CacheTenantSettings& tenant) {
  visitor.begin({"tenant", Apply::restart});
  visitor.leaf({"by", Apply::restart}, ChoiceLeaf(tenant.by, words::cache_tenant_key));
  visitor.leaf({"field", Apply::restart}, TextLeaf(tenant.field, "field name", check_field_name));
  visitor.end();
}

void visit_change(Visitor& visitor, ChangeSettings& change) {
  visitor.begin({"ttl_by_change"});
  visitor.leaf({"mode"}, ChoiceLeaf(change.mode, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"lowest"}, RatioLeaf(change.lowest, 0.01, 1));
  visitor.end();
}

void visit_refresh(Visitor& visitor, RefreshSettings& refresh) {
  visitor.begin({"refresh"});
  visitor.leaf({"ahead"},
               ChoiceLeaf(refresh.ahead, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"extra_max"}, RatioLeaf(refresh.extra_max, 0, 1));
  visitor.leaf({"concurrency_max"}, IntegerLeaf(refresh.concurrency_max, 1, 10'000));
  visitor.leaf({"backoff_first"}, DurationLeaf(refresh.backoff_first, 10ms, 1h));
  visitor.leaf({"backoff_max"}, DurationLeaf(refresh.backoff_max, 1s, 24h));
  visitor.leaf({"retry_after_max"}, DurationLeaf(refresh.retry_after_max, 0s, 24h));
  visitor.leaf({"purge_grace"}, DurationLeaf(refresh.purge_grace, 0s, 1h));
  visitor.end();
}

}  // namespace

void visit_match(Visitor& visitor, RequestMatch& match) {
  visitor.begin({"match"});
  visitor.leaf({"path"}, TextLeaf(match.path, "path pattern", check_path_pattern));
  visitor.leaf({"methods"}, TextListLeaf(match.methods, "methods", check_method, {}));
  visitor.end();
}

void visit_cache(Visitor& visitor, CacheSettings& cache) {
  visitor.begin({"cache"});
  visitor.leaf({"enabled", Apply::restart}, BoolLeaf(cache.enabled));
  visitor.leaf({"memory", Apply::restart}, SizeLeaf(cache.memory, mebibyte, tebibyte));
  visitor.leaf({"object_bytes_max", Apply::restart},
               SizeLeaf(cache.object_bytes_max, kibibyte, tebibyte, "an eighth of cache.memory"));
  visitor.leaf({"key_prefix", Apply::restart},
               TextLeaf(cache.key_prefix, "name", check_identifier));
  visitor.leaf({"key_namespace", Apply::restart},
               TextLeaf(cache.key_namespace, "name", check_identifier));
  visitor.leaf({"key_version"}, IntegerLeaf(cache.key_version, 0, 1'000'000'000));
  visitor.leaf({"negative_ttl", Apply::restart}, DurationLeaf(cache.negative_ttl, 0s, 1h));
  visitor.leaf({"negative_entries_max", Apply::restart},
               IntegerLeaf(cache.negative_entries_max, 0, 10'000'000));
  visitor.leaf({"variants_max", Apply::restart}, IntegerLeaf(cache.variants_max, 1, 1000));
  visitor.leaf({"fill_wait_max"}, DurationLeaf(cache.fill_wait_max, 0ms, 10min));
  visitor.leaf({"write_wait_max"}, DurationLeaf(cache.write_wait_max, 10ms, 1min));
  visitor.leaf({"follower_lag_max"}, DurationLeaf(cache.follower_lag_max, 10ms, 10min));
  visitor.leaf({"query_drop", Apply::restart},
               TextListLeaf(cache.query_drop, "parameters", check_parameter, {}));
  visitor.leaf({"query_keep", Apply::restart},
               TextListLeaf(cache.query_keep, "parameters", check_parameter, {}));
  visitor.leaf({"query_drop_tracking", Apply::restart}, BoolLeaf(cache.query_drop_tracking));
  visitor.leaf({"query_sort", Apply::restart}, BoolLeaf(cache.query_sort));
  visitor.leaf({"no_vary_search_max", Apply::restart},
               IntegerLeaf(cache.no_vary_search_max, 0, 100'000));
  visitor.leaf({"targeted_fields"},
               TextListLeaf(cache.targeted_fields, "field names", check_field_name, {8, 64}));
  visitor.leaf({"heuristic_freshness"},
               ChoiceLeaf(cache.heuristic_freshness, words::heuristic_freshness));
  visitor.leaf({"heuristic_max"}, DurationLeaf(cache.heuristic_max, 1s, 7 * 24h));
  visitor.leaf({"range_fill_max"}, SizeLeaf(cache.range_fill_max, 0, tebibyte));
  visitor.leaf({"status_key"}, BoolLeaf(cache.status_key));
  visitor.leaf({"etag"}, BoolLeaf(cache.etag));
  visitor.leaf({"rules"}, RowsLeaf<CacheRule>(cache.rules, rules_max, visit_rule, check_rule));
  visitor.leaf({"groups", Apply::restart},
               NamedListsLeaf(cache.groups, check_identifier, "path patterns", check_path_pattern));
  visit_tags(visitor, cache.tags);
  visit_tenant(visitor, cache.tenant);
  visitor.leaf(
      {"events", Apply::restart},
      NamedListsLeaf(cache.events, check_event_name, "what they invalidate", check_event_item));
  visitor.leaf({"staleness_budget", Apply::reload, not_available},
               RatioLeaf(cache.staleness_budget, 0, 1));
  visitor.leaf({"stale_while_revalidate"},
               DurationLeaf(cache.stale_while_revalidate, 0s, stale_max));
  visitor.leaf({"stale_if_error"}, DurationLeaf(cache.stale_if_error, 0s, stale_max));
  visitor.leaf({"stale_if_unreachable"}, DurationLeaf(cache.stale_if_unreachable, 0s, stale_max));
  visitor.leaf({"stale_in_emergency"}, DurationLeaf(cache.stale_in_emergency, 0s, stale_max));
  visitor.leaf({"ttl_jitter", Apply::restart}, RatioLeaf(cache.ttl_jitter, 0, 0.5));
  visitor.leaf({"ttl_jitter_origin", Apply::restart}, BoolLeaf(cache.ttl_jitter_origin));
  visit_change(visitor, cache.ttl_by_change);
  visit_refresh(visitor, cache.refresh);
  visit_redis(visitor, cache.redis);
  visit_entries(visitor, cache.entries);
  visit_warm(visitor, cache.warm);
  visitor.end();
}

void visit_compression(Visitor& visitor, CompressionSettings& compression) {
  constexpr std::string_view of = "media types";
  visitor.begin({"compression"});
  visitor.leaf({"mode"},
               ChoiceLeaf(compression.mode, words::compression_mode).also(words::switch_spellings));
  visitor.leaf({"algorithms"}, CodingListLeaf(compression.algorithms));
  visitor.leaf({"min_size"}, SizeLeaf(compression.min_size, 0, 16 * mebibyte));
  visitor.leaf({"max_size"}, SizeLeaf(compression.max_size, kibibyte, 1024 * mebibyte));
  visitor.leaf({"level"}, IntegerLeaf(compression.level, 1, 9, "adaptive"));
  visitor.leaf({"levels"}, TypeLevelsLeaf(compression.levels, check_content_type));
  visitor.leaf({"types"}, TextListLeaf(compression.types, of, check_content_type, {}));
  visitor.leaf({"exclude_types"},
               TextListLeaf(compression.exclude_types, of, check_content_type, {}));
  visitor.leaf({"secret_paths"},
               TextListLeaf(compression.secret_paths, "path patterns", check_path_pattern, {}));
  visitor.leaf({"stream_memory", Apply::restart},
               SizeLeaf(compression.stream_memory, mebibyte, tebibyte));
  visitor.end();
}

}  // namespace homeostat::config
