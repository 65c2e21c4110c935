#include "runtime/cache/response_rules.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/cache/client_fields.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/http/structured_field.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;
using std::chrono::seconds;

constexpr std::size_t groups_max = 256;  // RFC 9875 asks for 32 at least
constexpr seconds lifetime_max{http::delta_seconds_max};

/// Statuses a rule or a heuristic may give freshness (RFC 9110 section 15.1).
bool heuristically_cacheable(int status) noexcept {
  constexpr int statuses[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
  return std::find(std::begin(statuses), std::end(statuses), status) != std::end(statuses);
}

/// Never stored, whatever the response says: answers to what the key does not
/// hold (ranges, conditions, expectations, the connection), and those RFC 6585
/// forbids to store.
bool never_stored(int status) noexcept {
  constexpr int statuses[] = {206, 304, 407, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511};
  return status < 200 || status > 599 ||
         std::find(std::begin(statuses), std::end(statuses), status) != std::end(statuses);
}

/// Statuses whose caching requirements are those of RFC 9110, for
/// must-understand (RFC 9111 section 5.2.2.3).
bool understood(int status) noexcept {
  constexpr int statuses[] = {200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401,
                              403, 404, 405, 410, 414, 500, 501, 502, 503, 504};
  return std::find(std::begin(statuses), std::end(statuses), status) != std::end(statuses);
}

/// Cache-Control, or the targeted field that replaces it and Expires.
struct Directives {
  http::CacheControl control;
  bool targeted = false;
};

Directives effective_control(const RequestDecision& request, const Fields& fields) {
  if (request.responses != nullptr) {
    for (const std::string& name : request.responses->targeted_fields) {
      if (const auto control = http::parse_targeted_cache_control(fields, name)) {
        return {*control, true};
      }
    }
  }
  return {http::parse_cache_control(fields), false};
}

/// A qualified no-cache or private counts as the unqualified one: always
/// correct (RFC 9111 sections 5.2.2.4 and 5.2.2.7), and it never serves a
/// response without fields the origin sent.
Reason forbidden(const RequestDecision& request, int status, const Fields& fields,
                 const http::CacheControl& control) noexcept {
  if (control.must_understand && !understood(status)) return Reason::status;
  if (control.no_store && !control.must_understand) return Reason::no_store;
  if (control.private_ || !control.private_fields[0].empty()) return Reason::private_;
  if (fields.has(HeaderId::set_cookie) || fields.has(HeaderId::set_cookie2)) {
    return Reason::set_cookie;
  }
  const bool permitted = control.public_ || control.s_maxage || control.must_revalidate;
  if (request.authorization && !permitted) return Reason::authorization;
  const bool no_cache = control.no_cache || !control.no_cache_fields[0].empty();
  const bool validator = fields.has(HeaderId::etag) || fields.has(HeaderId::last_modified);
  if (no_cache && !validator) return Reason::no_cache;
  return Reason::none;
}

/// A rule's ttl as the control plane scaled it.
seconds scaled(seconds ttl, const EndpointPolicy& policy) noexcept {
  const double product = static_cast<double>(ttl.count()) * policy.ttl_multiplier;
  if (!(product > 0)) return seconds{0};
  seconds result = product >= static_cast<double>(lifetime_max.count())
                       ? lifetime_max
                       : seconds(static_cast<seconds::rep>(std::floor(product)));
  if (policy.ttl_max.count() == 0) return result;
  // The bound of a raise shortens nothing that is longer by itself.
  return std::min(result,
                  policy.ttl_multiplier > 1 ? std::max(ttl, policy.ttl_max) : policy.ttl_max);
}

struct Lifetime {
  enum class Source : std::uint8_t { origin, rule, heuristic };
  std::optional<seconds> value;
  Source source = Source::origin;
  bool bounded = false;  ///< a rule's bound has replaced the value
  bool lowered = false;  ///< less than a rule gives, for the sake of what changes
};

/// A rule's ttl, scaled, and no longer than the content lasts.
Lifetime from_rule(const RequestDecision& request, seconds ttl, const EndpointPolicy& policy) {
  const seconds given = scaled(ttl, policy);
  const seconds cut = std::chrono::floor<seconds>(request.lifetime_bound.cut(given));
  return {request.lifetime_bound.act ? cut : given, Lifetime::Source::rule, false, cut < given};
}

/// RFC 9111 section 4.2.2: a tenth of the time since it was last modified.
std::optional<seconds> from_heuristic(const RequestDecision& request, const Response& response,
                                      WallTime date) {
  if (request.responses == nullptr ||
      request.responses->heuristic != config::HeuristicFreshness::last_modified ||
      !heuristically_cacheable(response.status)) {
    return std::nullopt;
  }
  const auto modified =
      http::parse_date(response.fields->get(HeaderId::last_modified), response.received_wall);
  if (!modified || *modified >= date) return std::nullopt;
  return std::min(request.responses->heuristic_max,
                  std::chrono::duration_cast<seconds>(date - *modified) / 10);
}

std::optional<seconds> from_expires(const Fields& fields, WallTime date, WallTime now) {
  const http::Field* expires = fields.find(HeaderId::expires);
  if (expires == nullptr) return std::nullopt;
  // Several Expires lines, or one that is no date ("0"): already expired.
  if (fields.count(HeaderId::expires) > 1) return seconds{0};
  const std::optional<WallTime> at = http::parse_date(expires->value, now);
  if (!at || *at <= date) return seconds{0};
  return std::min(lifetime_max, std::chrono::duration_cast<seconds>(*at - date));
}

Lifetime stated_lifetime(const RequestDecision& request, const Response& response, WallTime date,
                         const Directives& directives, const EndpointPolicy& policy) {
  const config::CacheRule* rule = request.rule != nullptr ? &request.rule->settings : nullptr;
  // A rule's ttl is meant for answers, not for errors: those need the origin's word.
  const bool rule_ttl = rule != nullptr && rule->ttl && response.status < 400 &&
                        heuristically_cacheable(response.status);
  using Source = Lifetime::Source;
  if (rule_ttl && rule->override_origin && !request.delimited_path) {
    return from_rule(request, *rule->ttl, policy);
  }
  const http::CacheControl& control = directives.control;
  if (control.s_maxage) return {seconds(*control.s_maxage), Source::origin};
  if (control.max_age) return {seconds(*control.max_age), Source::origin};
  if (!directives.targeted) {
    if (const auto expires = from_expires(*response.fields, date, response.received_wall)) {
      return {expires, Source::origin};
    }
  }
  if (rule_ttl && !request.delimited_path) return from_rule(request, *rule->ttl, policy);
  return {from_heuristic(request, response, date), Source::heuristic};
}

/// Within the bounds of the rule, for answers.
Lifetime lifetime_of(const RequestDecision& request, const Response& response, WallTime date,
                     const Directives& directives, const EndpointPolicy& policy) {
  Lifetime lifetime = stated_lifetime(request, response, date, directives, policy);
  if (!lifetime.value || request.rule == nullptr || response.status >= 400) return lifetime;
  const config::CacheRule& rule = request.rule->settings;
  const seconds stated = *lifetime.value;
  if (request.delimited_path) {
    if (rule.override_origin && rule.ttl) lifetime.value = std::min(stated, *rule.ttl);
  } else if (rule.ttl_min) lifetime.value = std::max(*lifetime.value, *rule.ttl_min);
  if (rule.ttl_max) lifetime.value = std::min(*lifetime.value, *rule.ttl_max);
  lifetime.bounded = *lifetime.value != stated;
  return lifetime;
}

seconds age_value(const Fields& fields) noexcept {
  const http::Field* field = fields.find(HeaderId::age);
  if (field == nullptr) return seconds{0};
  // A list counts by its first member; what is no number is ignored (section 5.1).
  std::string_view rest = field->value;
  const std::string_view text = http::next_list_element(rest);
  if (text.empty() || !std::all_of(text.begin(), text.end(), http::is_digit)) return seconds{0};
  // What is too large to be represented is the largest age there is (section 1.2.2).
  const std::uint64_t value = http::parse_decimal(text).value_or(http::delta_seconds_max);
  return seconds(
      static_cast<seconds::rep>(std::min<std::uint64_t>(value, http::delta_seconds_max)));
}

void write_head(ObjectHead& head, const RequestDecision& decision, const Request& request,
                const Response& response, bool date_given) {
  head.start(response.status, response.reason_phrase);
  const ClientFields client(decision, *request.fields, response.status, *response.fields);
  const http::HopByHopFilter filter(*response.fields);
  for (const http::Field& field : *response.fields) {
    if (!filter.forwarded(field) || field.id == HeaderId::age ||
        field.id == HeaderId::content_length || field.id == HeaderId::trailer) {
      continue;
    }
    if (field.id == HeaderId::date && !date_given) continue;
    if (client.hides(field)) {
      head.add_hidden(field.name, field.value);
    } else {
      head.add_field(field.name, field.value);
    }
  }
  if (!client.cache_control().empty()) {
    head.add_field("Cache-Control", client.cache_control());
    head.own_control = true;
  }
  if (!client.vary().empty()) head.add_field("Vary", client.vary());
  if (!date_given) {
    const http::DateText text = http::format_date(response.received_wall);
    head.add_field("Date", std::string_view(text.data(), text.size()));
  }
}

Freshness freshness_of(const Response& response, const http::CacheControl& control,
                       Duration initial_age, seconds lifetime) noexcept {
  Freshness freshness;
  freshness.received = response.received;
  freshness.received_wall = response.received_wall;
  freshness.initial_age = initial_age;
  freshness.lifetime = lifetime;
  freshness.must_revalidate =
      control.must_revalidate || control.proxy_revalidate || control.s_maxage.has_value();
  freshness.no_cache = control.no_cache || !control.no_cache_fields[0].empty();
  if (control.stale_if_error) freshness.stale_if_error = seconds(*control.stale_if_error);
  if (control.stale_while_revalidate) {
    freshness.stale_while_revalidate = seconds(*control.stale_while_revalidate);
  }
  return freshness;
}

}  // namespace

Duration corrected_initial_age(const Response& response, std::optional<WallTime> date,
                               seconds age) noexcept {
  Duration apparent{};
  if (date && response.received_wall > *date) {
    apparent = std::chrono::floor<seconds>(response.received_wall - *date);
  }
  const Duration delay = std::max(Duration::zero(), response.received - response.requested);
  return std::max(apparent, age + delay);
}

namespace {

/// The tenant it is for, and RFC 9875 section 2. False: more groups than a response may have.
bool add_hidden_tags(const Request& request, const Fields& fields, TagSet& tags) {
  tags.add(TagKind::tenant, request.tenant);
  const auto groups = http::parse_string_list(fields, HeaderId::cache_groups, groups_max + 1);
  for (const std::string& group : groups) {
    tags.add(TagKind::group, group_name(request.host, group));
  }
  return groups.size() <= groups_max;
}

/// Everything that must hold before freshness is looked at.
Reason refusal(const RequestDecision& request, const Response& response,
               const http::CacheControl& control, const VaryNames& vary,
               std::uint64_t object_bytes_max) noexcept {
  if (!request.store) return request.reason != Reason::none ? request.reason : Reason::method;
  if (response.status == 206) return Reason::partial;
  if (never_stored(response.status)) return Reason::status;
  const Reason reason = forbidden(request, response.status, *response.fields, control);
  if (reason != Reason::none) return reason;
  if (vary.star) return Reason::vary_star;
  if (vary.too_many) return Reason::vary_limit;
  if (response.content_length && *response.content_length > object_bytes_max) {
    return Reason::too_large;
  }
  return Reason::none;
}

/// The origin itself says that it may be used for longer (RFC 5861).
bool useful_once_stale(const Freshness& freshness, Duration staleness) noexcept {
  const seconds none{0};
  const seconds window = std::max(freshness.stale_while_revalidate.value_or(none),
                                  freshness.stale_if_error.value_or(none));
  return freshness.may_serve_stale() && staleness < window;
}

/// Whether what is known about its lifetime lets it be stored (RFC 9111 section 3).
Reason freshness_refusal(const RequestDecision& request, int status, const Lifetime& lifetime,
                         const Freshness& freshness) noexcept {
  const bool stated = lifetime.value.has_value() && lifetime.source == Lifetime::Source::origin;
  if (!stated && !heuristically_cacheable(status)) return Reason::status;
  if (freshness.no_cache) return Reason::none;  // validated before every use
  if (!lifetime.value) {
    return request.delimited_path && request.rule->settings.ttl ? Reason::ambiguous_path
                                                                : Reason::no_freshness;
  }
  const Duration staleness = freshness.initial_age - freshness.lifetime;
  if (staleness < Duration::zero() || useful_once_stale(freshness, staleness)) return Reason::none;
  return Reason::expired;
}

const std::vector<std::string>& vary_of_rule(const RequestDecision& decision) {
  static const std::vector<std::string> none;
  return decision.rule != nullptr ? decision.rule->vary : none;
}

void note_coding(ObjectHead& head, const http::CacheControl& control, const Fields& fields) {
  const std::optional<http::Coding> coding = http::single_coding(fields);
  head.encoded = coding != http::Coding::identity;
  head.coding = coding.value_or(http::Coding::identity);
  // For everybody on the way, whichever field else steers this cache (RFC 9111 section 5.2.2.6).
  head.no_transform =
      control.no_transform || fields.contains_token(HeaderId::cache_control, "no-transform");
}

}  // namespace

StoreDecision decide_store(const RequestDecision& request_decision, const Request& request,
                           const Response& response, const EndpointPolicy& policy,
                           std::uint64_t object_bytes_max) {
  StoreDecision decision;
  const auto refuse = [&](Reason reason) -> StoreDecision& {
    // What an error says is about the error, not about what is stored.
    decision.reason = response.status >= 500 && request_decision.store ? Reason::status : reason;
    return decision;
  };
  const Fields& fields = *response.fields;
  const Directives directives = effective_control(request_decision, fields);
  const http::CacheControl& control = directives.control;
  VaryNames vary = vary_names(fields, vary_of_rule(request_decision));
  const Reason refused = refusal(request_decision, response, control, vary, object_bytes_max);
  if (refused != Reason::none) return refuse(refused);

  const std::optional<WallTime> date =
      http::parse_date(fields.get(HeaderId::date), response.received_wall);
  const Lifetime lifetime = lifetime_of(request_decision, response,
                                        date.value_or(response.received_wall), directives, policy);
  const Duration initial_age = corrected_initial_age(response, date, age_value(fields));
  Freshness freshness =
      freshness_of(response, control, initial_age, lifetime.value.value_or(seconds{0}));
  if (policy.ttl_multiplier > 1 && lifetime.source == Lifetime::Source::rule) {
    freshness.plain_lifetime =
        lifetime_of(request_decision, response, date.value_or(response.received_wall), directives,
                    EndpointPolicy{})
            .value.value_or(seconds{0});
  }
  const Reason stale = freshness_refusal(request_decision, response.status, lifetime, freshness);
  if (stale != Reason::none) return refuse(stale);

  if (request_decision.rules != nullptr &&
      !request_decision.rules->read_tags(request.path, request_decision.rule, fields,
                                         decision.head.tags)) {
    return refuse(Reason::tag_limit);
  }
  if (!add_hidden_tags(request, fields, decision.head.tags)) return refuse(Reason::tag_limit);
  write_head(decision.head, request_decision, request, response, date.has_value());
  decision.add_etag = response.status == 200 && request.method == "GET" &&
                      !fields.has(HeaderId::etag) && request_decision.rules != nullptr &&
                      request_decision.rules->adds_etag(request_decision.rule);
  decision.head.freshness = freshness;
  decision.head.freshness.stale_usable = stale_usable(freshness, request_decision.stale_windows());
  decision.head.endpoint = request.endpoint;
  decision.head.date = date.value_or(response.received_wall);
  decision.head.last_modified_time =
      http::parse_date(fields.get(HeaderId::last_modified), response.received_wall);
  decision.head.authorization_shared =
      control.public_ || control.s_maxage || control.must_revalidate;
  note_coding(decision.head, control, fields);
  decision.head.rule_ttl = lifetime.source == Lifetime::Source::rule || lifetime.bounded;
  decision.head.lowered = lifetime.lowered;
  decision.head.immutable = control.immutable;
  decision.head.aged = fields.has(HeaderId::age);
  decision.vary = std::move(vary.names);
  return decision;
}

}  // namespace homeostat::cache
