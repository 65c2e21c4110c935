// POST /cache/invalidate, POST /cache/invalidate/{group}, DELETE /cache/flush, GET
// /cache/keys.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t pattern_bytes_max = 1024;
constexpr std::size_t keys_limit_default = 100;
constexpr std::size_t keys_limit_max = 1000;
constexpr const char* all_groups = "all";
constexpr std::string_view everything = "*";

json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

/// "hard tags=[a, b] patterns=[/c/*]", for the audit log.
std::string describe(const PurgeRequest& request) {
  std::string text = request.soft ? "soft" : "hard";
  const auto add = [&](const char* name, const std::vector<std::string>& items) {
    if (items.empty()) return;
    text += std::string(" ") + name + "=[";
    for (const std::string& item : items) text += (&item == &items.front() ? "" : ", ") + item;
    text += "]";
  };
  add("tags", request.tags);
  add("tenants", request.tenants);
  add("patterns", request.patterns);
  add("keys", request.keys);
  return text;
}

Reply flush(const RouteContext& context, const Call& call) {
  std::string level(call.request.parameter("level"));
  const std::string pattern(call.request.parameter("pattern"));
  const std::string reason(call.request.parameter("reason"));
  if (level.empty()) level = "all";
  std::vector<std::string> errors;
  if (level != "l1" && level != "l2" && level != "all") {
    errors.emplace_back("level: expected l1, l2 or all");
  }
  if (pattern.size() > pattern_bytes_max) errors.emplace_back("pattern: at most 1024 bytes");
  if (reason.size() > reason_bytes_max) errors.emplace_back("reason: at most 500 bytes");
  if (!errors.empty()) return problem(422, "the query cannot be used", std::move(errors));
  const bool tier = static_cast<bool>(context.services.shared_tier);
  if (level == "l2" && !tier) return problem(409, "there is no Redis tier to flush");
  PurgeRequest request;
  if (level == "l1") request.reach = PurgeReach::here;
  if (level == "l2") request.reach = PurgeReach::shared;
  request.patterns.push_back(pattern.empty() ? std::string(everything) : pattern);
  const PurgeResult cleared = context.services.cache.purge(request);
  context.audit.record(
      call, {"flush_cache", level + " " + (pattern.empty() ? "everything" : pattern), reason,
             cleared.entries(), "invalidation"});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = pattern.empty() ? "cache flushed" : "matching entries flushed";
  reply.members["details"] =
      json::object{{"l1_entries_cleared", cleared.entries()},
                   {"l1_bytes_freed", cleared.bytes},
                   // Nothing is searched there: they are dead at once,
                   // and leave when they expire.
                   {"l2_keys_cleared", tier && level != "l1" ? json::value() : json::value(0)},
                   {"total_cleared", cleared.entries()}};
  return reply;
}

Reply invalidate(const RouteContext& context, const Call& call) {
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  PurgeRequest request;
  request.tags = reader.optional_texts("tags");
  request.tenants = reader.optional_texts("tenants");
  request.patterns = reader.optional_texts("patterns");
  request.keys = reader.optional_texts("keys");
  const std::string mode = reader.optional_word("mode", {"hard", "soft"});
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (reader.ok() && request.tags.empty() && request.tenants.empty() && request.patterns.empty() &&
      request.keys.empty()) {
    reader.fail("tags, tenants, patterns, keys: at least one must name something");
  }
  if (!reader.ok()) return reader.to_problem();
  request.soft = mode == "soft";
  const PurgeResult purged = context.services.cache.purge(request);
  context.audit.record(call,
                       {"invalidate", describe(request), reason, purged.entries(), "invalidation"});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["mode"] = mode;
  reply.members["invalidated_entries"] = purged.entries();
  reply.members["details"] = json::object{{"by_tags", purged.by_tags},
                                          {"by_tenants", purged.by_tenants},
                                          {"by_patterns", purged.by_patterns},
                                          {"by_keys", purged.by_keys}};
  return reply;
}

/// The patterns of a group; `all` always exists and means everything.
std::optional<std::vector<std::string>> group_patterns(const AdminServices& services,
                                                       const std::string& name) {
  for (const auto& [group, patterns] : services.cache_groups) {
    if (group == name) return patterns;
  }
  if (name == all_groups) return std::vector<std::string>{std::string(everything)};
  return std::nullopt;
}

Reply unknown_group(const AdminServices& services) {
  std::string known;
  for (const auto& [group, patterns] : services.cache_groups) known += group + ", ";
  return problem(404, "no such group in cache.groups; known are: " + known + all_groups);
}

Reply invalidate_group(const RouteContext& context, const Call& call) {
  const std::string& name = call.parameter("group");
  const auto patterns = group_patterns(context.services, name);
  if (!patterns) return unknown_group(context.services);
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const std::string mode = reader.optional_word("mode", {"hard", "soft"});
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (!reader.ok()) return reader.to_problem();
  PurgeRequest request;
  request.patterns = *patterns;
  request.soft = mode == "soft";
  const PurgeResult cleared = context.services.cache.purge(request);
  context.audit.record(
      call, {"invalidate_group", mode + " " + name, reason, cleared.entries(), "invalidation"});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["message"] = "group " + name + " invalidated";
  reply.members["mode"] = mode;
  reply.members["cleared_entries"] = cleared.entries();
  reply.members["affected_endpoints"] = to_array(*patterns);
  return reply;
}

/// Nothing if the text is no number from 1 to the maximum.
std::optional<std::size_t> parse_limit(std::string_view text) {
  if (text.empty()) return keys_limit_default;
  std::size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::size_t>(c - '0');
    if (value > keys_limit_max) return std::nullopt;
  }
  return value == 0 ? std::nullopt : std::optional(value);
}

json::object to_json(const CacheKey& key) {
  const double ttl = std::chrono::duration<double>(key.ttl).count();
  return {{"key", key.key},
          {"ttl", static_cast<std::int64_t>(ttl)},
          {"expires", rfc3339(key.expires)},
          {"level", "l1"},
          {"size_bytes", key.bytes},
          {"tags", to_array(key.tags)}};
}

/// What lies in Redis; nobody knows its tags without reading it, nor how much there is.
Reply shared_keys(const RouteContext& context, CacheKeyQuery query) {
  if (context.services.data == nullptr || !context.services.shared_tier) {
    return problem(409, "there is no Redis tier to list");
  }
  Reply reply;
  reply.later = [&context, query = std::move(query)](std::function<void(Reply)> done) {
    context.services.data->list_shared(
        {query.pattern, query.limit, query.cursor},
        [query, done = std::move(done)](const SharedKeyPage& page) {
          if (!page.valid_cursor) {
            return done(
                problem(422, "the query cannot be used", {"cursor: not one of next_cursor"}));
          }
          Reply listed;
          json::array keys;
          for (const CacheKey& key : page.keys) {
            json::object one = to_json(key);
            one["level"] = "l2";
            one["tags"] = nullptr;
            keys.push_back(std::move(one));
          }
          listed.members["pattern"] = query.pattern;
          listed.members["total_found"] = nullptr;
          listed.members["limit"] = query.limit;
          listed.members["keys"] = std::move(keys);
          listed.members["next_cursor"] =
              page.next_cursor.empty() ? json::value() : json::value(page.next_cursor);
          listed.members["complete"] = page.complete;
          done(std::move(listed));
        });
  };
  return reply;
}

Reply keys(const RouteContext& context, const Call& call) {
  CacheKeyQuery query;
  const std::string level(call.request.parameter("level"));
  query.pattern = call.request.parameter("pattern");
  query.cursor = call.request.parameter("cursor");
  const auto limit = parse_limit(call.request.parameter("limit"));
  std::vector<std::string> errors;
  if (query.pattern.size() > pattern_bytes_max) errors.emplace_back("pattern: at most 1024 bytes");
  if (!limit) errors.emplace_back("limit: expected 1 to 1000");
  if (!level.empty() && level != "l1" && level != "l2") {
    errors.emplace_back("level: expected l1 or l2");
  }
  if (!errors.empty()) return problem(422, "the query cannot be used", std::move(errors));
  query.limit = *limit;
  if (level == "l2") return shared_keys(context, std::move(query));
  const auto page = context.services.cache.keys(query);
  if (!page) return problem(422, "the query cannot be used", {"cursor: not one of next_cursor"});
  json::array listed;
  for (const CacheKey& key : page->keys) listed.push_back(to_json(key));
  Reply reply;
  reply.members["pattern"] = query.pattern;
  reply.members["total_found"] = page->total_found;
  reply.members["limit"] = query.limit;
  reply.members["keys"] = std::move(listed);
  reply.members["next_cursor"] =
      page->next_cursor.empty() ? json::value() : json::value(page->next_cursor);
  return reply;
}

}  // namespace

void add_invalidation_routes(Router& router, const RouteContext& context) {
  router.add({"DELETE", "/api/v1/cache/flush", Access::operator_,
              [&context](const Call& call) { return flush(context, call); }});
  router.add({"POST", "/api/v1/cache/invalidate", Access::operator_,
              [&context](const Call& call) { return invalidate(context, call); }});
  router.add({"POST", "/api/v1/cache/invalidate/{group}", Access::operator_,
              [&context](const Call& call) { return invalidate_group(context, call); }});
  router.add({"GET", "/api/v1/cache/keys", Access::viewer,
              [&context](const Call& call) { return keys(context, call); }});
}

}  // namespace homeostat::admin
