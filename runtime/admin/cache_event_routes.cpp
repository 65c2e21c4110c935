// POST /cache/events/{event}.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "runtime/admin/cache_events.hpp"
#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

/// Texts, numbers and booleans; others are errors.
EventValues read_values(const json::object& body, std::vector<std::string>& errors) {
  EventValues values;
  for (const auto& [name, value] : body) {
    if (value.is_string()) {
      values.emplace_back(name, value.get_string());
    } else if (value.is_int64() || value.is_uint64() || value.is_bool()) {
      values.emplace_back(name, json::serialize(value));
    } else {
      errors.push_back(std::string(name) + ": expected a text, a whole number or true or false");
    }
  }
  return values;
}

Reply unknown_event(const CacheEvents& events) {
  std::string known;
  for (const auto& [name, items] : events) known += (known.empty() ? "" : ", ") + name;
  return problem(404, "no such event in cache.events; known are: " +
                          (known.empty() ? std::string("none") : known));
}

Reply run_event(const RouteContext& context, const Call& call) {
  const CacheEvents& events = context.services.cache_events;
  const std::string& name = call.parameter("event");
  bool known = false;
  for (const auto& [event, items] : events) known = known || event == name;
  if (!known) return unknown_event(events);
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  std::vector<std::string> errors;
  const EventValues values = read_values(std::get<json::object>(body), errors);
  const std::string mode(call.request.parameter("mode"));
  const std::string reason(call.request.parameter("reason"));
  if (!mode.empty() && mode != "hard" && mode != "soft") errors.emplace_back("mode: hard or soft");
  if (reason.size() > reason_bytes_max) errors.emplace_back("reason: at most 500 bytes");
  ExpandedEvent expanded = expand_event(events, name, values);
  errors.insert(errors.end(), expanded.errors.begin(), expanded.errors.end());
  if (!errors.empty()) return problem(422, "the event cannot be run", std::move(errors));
  PurgeRequest& purge = expanded.purge;
  purge.soft = mode == "soft";
  const PurgeResult purged = context.services.cache.purge(purge);
  std::string target = name;
  for (const auto& [value_name, value] : values) target += " " + value_name + "=" + value;
  context.audit.record(call, {"event", target, reason, purged.entries(), "invalidation"});
  Reply reply;
  reply.members["status"] = "success";
  reply.members["event"] = name;
  reply.members["events"] = to_array(expanded.events);
  reply.members["mode"] = purge.soft ? "soft" : "hard";
  reply.members["invalidated_entries"] = purged.entries();
  reply.members["details"] = json::object{{"by_tags", purged.by_tags},
                                          {"by_patterns", purged.by_patterns},
                                          {"by_keys", purged.by_keys}};
  reply.members["invalidated"] = json::object{{"tags", to_array(purge.tags)},
                                              {"patterns", to_array(purge.patterns)},
                                              {"keys", to_array(purge.keys)}};
  return reply;
}

}  // namespace

void add_cache_event_routes(Router& router, const RouteContext& context) {
  router.add({"POST", "/api/v1/cache/events/{event}", Access::operator_,
              [&context](const Call& call) { return run_event(context, call); }});
}

}  // namespace homeostat::admin
