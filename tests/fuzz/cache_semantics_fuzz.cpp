// Any fields on requests and responses: what the cache keeps and to whom it
// gives it.
//
// Input: lines. `R` starts a request/response pair; `<name>: <value>` adds a
// field to the request before a `>` line, to the response after it; `?<query>`
// sets the request's query; `=` makes the answer a 304, where one was asked for; `+` moves
// time on by a minute; `-` flushes.
// Properties: an answer with no-store, private, Set-Cookie or `Vary: *` is never
// served again; a hit was made, or confirmed by a 304, for a request with the same values
// of what its answer varies on, and for the same query or one that the answer's own
// No-Vary-Search makes equivalent; nothing stored for Authorization reaches others unless it
// says public, s-maxage or must-revalidate; the byte bound holds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/cache/preconditions.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/query.hpp"
#include "runtime/http/search_variance.hpp"

namespace {

using namespace homeostat;
using namespace homeostat::cache;
using Lines = std::vector<std::pair<std::string, std::string>>;

void require(bool condition) {
  if (!condition) std::abort();
}

Fields table(const Lines& lines) {
  Fields fields;
  for (const auto& [name, value] : lines) {
    if (!fields.add(name, value)) break;
  }
  return fields;
}

bool has_directive(const Fields& fields, std::string_view name) {
  return fields.any_field(http::HeaderId::cache_control, [&](const http::Field& field) {
    return http::any_list_element(field.value, [&](std::string_view element) {
      return http::iequals(http::trim(element.substr(0, element.find('='))), name);
    });
  });
}

bool forbidden(const Fields& response) {
  if (response.has(http::HeaderId::set_cookie)) return true;
  if (response.contains_token(http::HeaderId::vary, "*")) return true;
  // A valid targeted field replaces Cache-Control; a malformed one is as if absent.
  if (http::parse_targeted_cache_control(response, "CDN-Cache-Control")) return false;
  // must-understand lifts no-store: 200 is understood.
  return (has_directive(response, "no-store") && !has_directive(response, "must-understand")) ||
         has_directive(response, "private");
}

/// Whether an answer to one query may answer another.
bool same_search(const Fields& response, std::string_view asked, std::string_view now) {
  const http::QueryNormalizer normalizer({}, {}, true);
  std::string first, second, before, after;
  normalizer.append(first, asked);
  normalizer.append(second, now);
  if (first == second) return true;
  const auto variance = http::SearchVariance::of(response);
  return variance && variance->append_canonical(before, first) &&
         variance->append_canonical(after, second) && before == after;
}

/// All lines of a field, as one text.
std::string lines_of(const Fields& fields, std::string_view name) {
  std::string text;
  for (const http::Field& field : fields) {
    if (!http::iequals(field.name, name)) continue;
    text += field.value;
    text += '\n';
  }
  return text;
}

/// Whether the cache may take two values of a field for one: blanks, case, weights.
bool is_normalised(std::string_view name) {
  switch (http::header_id(name)) {
    case http::HeaderId::accept:
    case http::HeaderId::accept_charset:
    case http::HeaderId::accept_encoding:
    case http::HeaderId::accept_language: return true;
    default: return false;
  }
}

bool same_variant(const Fields& response, const Fields& first, const Fields& request) {
  // What Connection names does not reach the application.
  if (first.has(http::HeaderId::connection) || request.has(http::HeaderId::connection)) return true;
  bool same = true;
  response.for_each_token(http::HeaderId::vary, [&](std::string_view name) {
    if (http::iequals(name, "Accept-Encoding")) return;
    if (is_normalised(name)) {
      same = same && (first.find(name) == nullptr) == (request.find(name) == nullptr);
    } else {
      same = same && lines_of(first, name) == lines_of(request, name);
    }
  });
  return same;
}

struct Session {
  ManualClock clock;
  Cache cache;
  Worker worker;
  struct Asked {
    std::string query;
    Lines fields;
  };
  std::vector<std::vector<Asked>> asked_for;  // index = body: its own request, then its 304s'

  Session() : cache(settings(), clock, 42), worker(cache) {}
  static config::CacheSettings settings() {
    config::CacheSettings settings;
    settings.memory = 64 * config::kibibyte;
    settings.variants_max = 4;
    return settings;
  }

  void check_hit(const Fields& request, std::string_view query, const Object& object) {
    std::string text;
    for (const BodyPart& part : object.body()) text += part.view();
    Fields response;  // as the last 304 left it
    object.head().for_each_origin_field([&](std::string_view name, std::string_view value) {
      static_cast<void>(response.add(name, value));
    });
    require(!forbidden(response));
    bool fits = false, secret = request.has(http::HeaderId::authorization);
    for (const Asked& asked : asked_for.at(std::stoul(text))) {
      const Fields first = table(asked.fields);
      secret = secret || first.has(http::HeaderId::authorization);
      fits = fits ||
             (same_search(response, asked.query, query) && same_variant(response, first, request));
    }
    require(fits);
    require(!secret || object.head().authorization_shared);
    std::string head;
    static_cast<void>(evaluate_preconditions(request, object.head()));
    static_cast<void>(satisfies_preconditions(request, object.head()));
    static_cast<void>(range_applies(request, object.head()));
    static_cast<void>(validated(object.head(), request, response));
    write_not_modified(object.head(), head);
    write_validators(object.head(), request, head);
  }

  void validate(const Request& request, const RequestDecision& decision, Response& response,
                FillLeader leader, Lines asked) {
    response.status = 304;
    auto refreshed = refreshed_head(*leader.stale(), decision, request, response, EndpointPolicy{});
    if (!refreshed) {
      leader.drop_stale();
      return leader.uncacheable(Reason::no_store, clock.now());
    }
    std::string text;
    for (const BodyPart& part : leader.stale()->body()) text += part.view();
    asked_for.at(std::stoul(text)).push_back({std::string(request.query), std::move(asked)});
    leader.complete_refreshed(std::move(*refreshed), *request.fields, clock.now());
  }

  void exchange(const std::string& query, Lines asked, Lines answered, bool not_modified) {
    const Fields request_fields = table(asked), response_fields = table(answered);
    Request request;
    request.method = "GET";
    request.host = "h";
    request.path = "/";
    request.query = query;
    request.fields = &request_fields;
    const RequestDecision decision = cache.rules().decide(request);
    const Lookup found = worker.lookup(request, decision, clock.now());
    if (found.kind == Lookup::Kind::hit) return check_hit(request_fields, query, *found.object);
    if (!decision.store) return;
    FillStart start = worker.begin_fill(request, decision, found.object, clock.now());
    if (start.kind != FillStart::Kind::leader) return;
    Response response;
    response.status = 200;
    response.fields = &response_fields;
    response.requested = response.received = clock.now();
    response.received_wall = clock.wall_now();
    if (not_modified) {
      if (!start.leader->stale()) return start.leader->fail(Reason::status);
      return validate(request, decision, response, std::move(*start.leader), std::move(asked));
    }
    StoreDecision store =
        decide_store(decision, request, response, EndpointPolicy{}, cache.object_bytes_max());
    const std::string body = std::to_string(asked_for.size());
    asked_for.push_back({{query, std::move(asked)}});
    if (!store.storable()) return start.leader->uncacheable(store.reason, clock.now());
    start.leader->publish_head(std::move(store), std::nullopt, request_fields, clock.now());
    start.leader->append(body, clock.now());
    start.leader->complete(clock.now());
    require(cache.bytes() <= cache.settings().memory);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Session session;
  Lines request, response;
  std::string query;
  bool open = false, answering = false, not_modified = false;
  const auto finish = [&] {
    if (open) {
      session.exchange(std::exchange(query, {}), std::exchange(request, {}),
                       std::exchange(response, {}), not_modified);
    }
    open = answering = not_modified = false;
  };
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (line == "R") {
      finish();
      open = true;
    } else if (line == ">") {
      answering = true;
    } else if (line.starts_with('?')) {
      query = line.substr(1);
    } else if (line == "=") {
      not_modified = true;
    } else if (line == "+") {
      finish();
      session.clock.advance(std::chrono::minutes(1));
    } else if (line == "-") {
      finish();
      session.cache.purge({.tags = {}, .patterns = {"*"}, .keys = {}});
    } else if (colon != std::string_view::npos && http::is_token(line.substr(0, colon)) &&
               line.find('\r') == std::string_view::npos) {
      (answering ? response : request)
          .emplace_back(line.substr(0, colon), http::trim(line.substr(colon + 1)));
    }
  }
  finish();
  return 0;
}
