#include "runtime/cache/request_rules.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache/key.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/byte_range.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/target.hpp"
#include "runtime/ports/request_match.hpp"

namespace homeostat::cache {
namespace {

bool natural_method(const config::CacheRule& rule, std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || (rule.post && method == "POST");
}

bool method_fits(const config::CacheRule& rule, std::string_view method) noexcept {
  const std::vector<std::string>& methods = rule.match.methods;
  if (methods.empty()) return natural_method(rule, method);
  const auto listed = [&](std::string_view name) {
    return std::find(methods.begin(), methods.end(), name) != methods.end();
  };
  // HEAD is answered from GET, so a rule for GET covers it.
  return listed(method) || (method == "HEAD" && listed("GET"));
}

using http::HeaderId;

/// RFC 9110 section 13.2.1: the others select and change nothing.
bool conditions_apply(std::string_view method) noexcept {
  return method != "OPTIONS" && method != "TRACE" && method != "CONNECT";
}

bool conditional_for_origin(const Fields& fields) noexcept {
  return fields.has(HeaderId::if_match) || fields.has(HeaderId::if_unmodified_since);
}

bool conditional(const Fields& fields) noexcept {
  return conditional_for_origin(fields) || fields.has(HeaderId::if_none_match) ||
         fields.has(HeaderId::if_modified_since);
}

/// Fields by which some frameworks answer another request than the one the key
/// is made of: a stored answer could then be anybody's.
bool overrides_request(const Fields& fields) noexcept {
  return fields.has(HeaderId::x_http_method_override) || fields.has(HeaderId::x_http_method) ||
         fields.has(HeaderId::x_method_override) || fields.has(HeaderId::x_original_url) ||
         fields.has(HeaderId::x_rewrite_url);
}

bool other_range_unit(const Fields& fields) noexcept {
  const std::string_view value = fields.get(HeaderId::range);
  return !http::iequals(http::trim(value.substr(0, value.find('='))), "bytes");
}

Reason refusal(const Request& request, const CompiledRule* rule) noexcept {
  if (request.upgrade) return Reason::upgrade;
  if (rule != nullptr && rule->settings.bypass) return Reason::rule_bypass;
  if (request.tenant_unclear && (rule == nullptr || !rule->settings.all_tenants)) {
    return Reason::tenant;
  }
  if (request.method == "POST") {
    const bool cached = rule != nullptr && rule->settings.post && !request.body_hash.empty();
    if (!cached) return Reason::method;
  } else if (request.method != "GET" && request.method != "HEAD") {
    return Reason::method;
  } else if (request.has_body) {
    return Reason::request_body;
  }
  if (overrides_request(*request.fields)) return Reason::override_field;
  // Conditions on POST protect from lost updates: nothing a cache can answer.
  if (request.method == "POST" && conditional(*request.fields)) return Reason::precondition;
  if (request.method == "GET" && request.fields->has(HeaderId::range) &&
      other_range_unit(*request.fields)) {
    return Reason::range;
  }
  return Reason::none;
}

constexpr char separator = '\x1f';

/// Everything of a rule that decides keys or tags, and what tells variants apart.
std::string shape_of(const config::CacheRule& rule) {
  std::string shape = rule.match.path;
  for (const std::vector<std::string>* list : {&rule.match.methods, &rule.tags, &rule.invalidate_on,
                                               &rule.query_drop, &rule.query_keep, &rule.vary}) {
    shape += separator;
    for (const std::string& text : *list) shape += text + separator;
  }
  shape += rule.post ? "p" : "";
  shape += rule.authenticated ? "a" : "";
  shape += rule.all_tenants ? "n" : "";
  return shape;
}

/// What decides how a query and the tenant enter a key, as a number.
std::uint64_t query_shape_of(const config::CacheSettings& settings,
                             const std::vector<std::string>& drop,
                             const std::vector<std::string>& keep) {
  std::string shape = settings.query_sort ? "s" : "";
  if (settings.query_drop_tracking) shape += "t";
  // Agents that do not agree on who a tenant is must not take one key for another's.
  if (settings.tenant.by != config::CacheTenantKey::none) {
    shape += "n" + std::to_string(static_cast<int>(settings.tenant.by)) + settings.tenant.field;
  }
  for (const std::vector<std::string>* list : {&drop, &keep}) {
    shape += separator;
    for (const std::string& name : *list) shape += name + separator;
  }
  return hash_key(shape, 0);
}

bool is_restrictive(std::string_view text) {
  Fields fields;
  static_cast<void>(fields.add(http::HeaderId::cache_control, text));
  const http::CacheControl control = http::parse_cache_control(fields);
  return control.no_store || control.private_ || control.no_cache;
}

std::optional<std::chrono::seconds> as_seconds(std::optional<http::DeltaSeconds> value) {
  if (!value) return std::nullopt;
  return std::chrono::seconds(*value);
}

/// What the client wants of a stored response.
void read_wishes(const Request& request, const http::CacheControl& control,
                 RequestDecision& decision) {
  decision.max_age = as_seconds(control.max_age);
  decision.min_fresh = as_seconds(control.min_fresh);
  decision.revalidate =
      control.no_cache || control.max_age == http::DeltaSeconds{0} ||
      (!control.present && request.fields->contains_token(HeaderId::pragma, "no-cache"));
}

StaleWindows windows_of(const config::CacheSettings& settings, const config::CacheRule* rule) {
  StaleWindows windows;
  windows.while_revalidate = settings.stale_while_revalidate;
  windows.if_error = settings.stale_if_error;
  windows.if_unreachable = settings.stale_if_unreachable;
  windows.in_emergency = settings.stale_in_emergency;
  if (rule == nullptr) return windows;
  windows.while_revalidate = rule->stale_while_revalidate.value_or(windows.while_revalidate);
  windows.if_error = rule->stale_if_error.value_or(windows.if_error);
  windows.while_revalidate_wins = rule->override_origin && rule->stale_while_revalidate;
  windows.if_error_wins = rule->override_origin && rule->stale_if_error;
  return windows;
}

}  // namespace

PathPattern::PathPattern(std::string_view pattern) { http::normalise_percent(text_, pattern); }

bool PathPattern::matches(std::string_view path) const noexcept {
  return wildcard_match(text_, path);
}

bool RequestDecision::accepts(const Freshness& freshness, Instant now) const noexcept {
  if (revalidate) return false;
  if (max_age && freshness.age(now) > *max_age) return false;
  return !min_fresh || freshness.remaining(now) >= *min_fresh;
}

RequestRules::RequestRules(const config::CacheSettings& settings)
    : enabled_(settings.enabled),
      stale_(windows_of(settings, nullptr)),
      responses_{settings.targeted_fields, settings.heuristic_freshness, settings.heuristic_max,
                 settings.range_fill_max},
      tag_fields_(settings.tags.fields),
      tags_max_(settings.tags.per_object_max),
      remove_tag_fields_(settings.tags.remove),
      etag_(settings.etag),
      own_tags_(settings.key_prefix, settings.key_namespace) {
  query_shape_ = query_shape_of(settings, settings.query_drop, settings.query_keep);
  for (const std::string& name : settings.tags.fields) common_shape_ += name + separator;
  fingerprint_ = hash_key(common_shape_, 0);
  for (const config::CacheRule& rule : settings.rules) {
    CompiledRule compiled{
        PathPattern(rule.match.path), rule, {}, {}, {}, query_shape_, false, false,
        windows_of(settings, &rule)};
    if (!rule.query_drop.empty() || !rule.query_keep.empty()) {
      compiled.query = query_normalizer(settings, &rule);
      compiled.query_shape = query_shape_of(settings, rule.query_drop, rule.query_keep);
    }
    compiled.restrictive_control = is_restrictive(rule.cache_control);
    compiled.delimited = http::delimited_path(compiled.path.text());
    shapes_.push_back(shape_of(rule));
    fingerprint_ = hash_key(shapes_.back(), fingerprint_);
    for (const std::string& name : rule.vary) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(), http::to_lower);
      compiled.vary.push_back(std::move(lower));
    }
    for (const std::string& pattern : rule.invalidate_on) {
      compiled.invalidate_on.emplace_back(pattern);
    }
    rules_.push_back(std::move(compiled));
  }
}

const CompiledRule* RequestRules::match(std::string_view method,
                                        std::string_view path) const noexcept {
  for (const CompiledRule& rule : rules_) {
    if (method_fits(rule.settings, method) && rule.path.matches(path)) return &rule;
  }
  return nullptr;
}

bool RequestRules::wants_body_hash(std::string_view method, std::string_view path) const noexcept {
  if (!enabled_ || method != "POST") return false;
  const CompiledRule* rule = match(method, path);
  return rule != nullptr && rule->settings.post && !rule->settings.bypass;
}

bool RequestRules::writes_through(std::string_view path) const noexcept {
  if (!enabled_) return false;
  const CompiledRule* rule = match("GET", path);
  return rule != nullptr && rule->settings.write == config::WriteMode::through;
}

namespace {

void read_credentials(const Fields& fields, RequestDecision& decision) noexcept {
  if (!fields.has(HeaderId::authorization)) return;
  // Which of several the application believes, and what an empty one says, is its own affair.
  const bool plain =
      fields.count(HeaderId::authorization) == 1 && !fields.get(HeaderId::authorization).empty();
  const bool allowed = plain && decision.rule != nullptr && decision.rule->settings.authenticated;
  decision.authorization_key = allowed;
  decision.authorization = !allowed;
}

}  // namespace

RequestDecision RequestRules::decide(const Request& request) const {
  RequestDecision decision;
  const http::CacheControl control = http::parse_cache_control(*request.fields);
  decision.no_transform = control.no_transform;
  if (!enabled_) {
    decision.reason = Reason::disabled;
    return decision;
  }
  decision.responses = &responses_;
  decision.rules = this;
  decision.head = request.method == "HEAD";
  decision.rule = match(request.method, request.path);
  decision.stale = decision.rule != nullptr ? &decision.rule->stale : &stale_;
  decision.reason = refusal(request, decision.rule);
  // A rule that stores must not be met by what is, to the application, another rule's.
  if (decision.reason == Reason::none && !rules_.empty() && http::ambiguous_path(request.path)) {
    decision.reason = Reason::ambiguous_path;
  }
  // `/account;x.css` may be `/account`: a lifetime meant for `*.css` is not meant for it.
  decision.delimited_path =
      decision.rule != nullptr && !decision.rule->delimited && http::delimited_path(request.path);
  decision.only_if_cached = control.only_if_cached;
  if (request.fields->has(HeaderId::if_match) && conditions_apply(request.method)) {
    decision.tag_owners = own_tags_.owners(*request.fields);
  }
  if (decision.reason == Reason::none && control.no_store) {
    decision.reason = Reason::request_no_store;
  }
  if (decision.reason != Reason::none) return decision;

  read_wishes(request, control, decision);
  read_credentials(*request.fields, decision);
  decision.lookup = true;
  decision.store = !decision.head;
  if (decision.head) decision.reason = Reason::head_request;
  const http::Field* range =
      request.method == "GET" ? request.fields->find(HeaderId::range) : nullptr;
  decision.range = range != nullptr && request.fields->count(HeaderId::range) == 1 &&
                   http::is_byte_range(range->value);
  if (decision.range && responses_.range_fill_max == 0) {
    decision.store = false;
    decision.reason = Reason::range;
  }
  if (conditional_for_origin(*request.fields)) {
    decision.precondition = true;
    if (decision.tag_owners != TagOwners::own) {
      decision.store = false;
      decision.reason = Reason::precondition;
    }
  }
  // Who asks for a fresh answer must not get one that was under way before;
  // who shows credentials must not wait for somebody else's answer.
  decision.collapse = decision.store && !decision.revalidate && !decision.authorization;
  return decision;
}

void RequestRules::invalidated_by(std::string_view path,
                                  std::vector<std::string_view>& patterns) const {
  for (const CompiledRule& rule : rules_) {
    const bool hit = std::any_of(rule.invalidate_on.begin(), rule.invalidate_on.end(),
                                 [&](const PathPattern& pattern) { return pattern.matches(path); });
    if (hit) patterns.push_back(rule.path.text());
  }
}

bool RequestRules::read_tags(std::string_view path, const CompiledRule* rule,
                             const Fields& response, TagSet& tags) const {
  tag_fields_.read(response, tags_max_, tags);
  if (tags.size() > tags_max_) return false;
  if (rule != nullptr) {
    for (const std::string& tag : rule->settings.tags) tags.add(TagKind::tag, tag);
  }
  for (const CompiledRule& other : rules_) {
    if (!other.invalidate_on.empty() && other.path.matches(path)) {
      tags.add(TagKind::path, other.path.text());
    }
  }
  return true;
}

std::vector<std::string> RequestRules::changed_paths(const RequestRules& next) const {
  if (common_shape_ != next.common_shape_) return {"*"};
  const auto [here, there] =
      std::mismatch(shapes_.begin(), shapes_.end(), next.shapes_.begin(), next.shapes_.end());
  std::vector<std::string> paths;
  // The first rule that matches decides: behind a change all may decide anew.
  for (auto i = here - shapes_.begin(); i < std::ssize(rules_); ++i) {
    paths.push_back(rules_[static_cast<std::size_t>(i)].path.text());
  }
  for (auto i = there - next.shapes_.begin(); i < std::ssize(next.rules_); ++i) {
    paths.push_back(next.rules_[static_cast<std::size_t>(i)].path.text());
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

}  // namespace homeostat::cache
