#include "runtime/cache/rule_warnings.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "runtime/cache/request_rules.hpp"
#include "runtime/http/header_id.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;

/// From here on a copy that only one client can use holds memory for long.
constexpr std::chrono::seconds long_lifetime = std::chrono::minutes(10);

bool varies_by(const config::CacheRule& rule, HeaderId id) {
  return std::any_of(rule.vary.begin(), rule.vary.end(),
                     [id](const std::string& name) { return http::header_id(name) == id; });
}

/// Of `vary`, what makes every request another variant. Empty: nothing.
std::string_view never_equal(const config::CacheRule& rule) {
  for (const std::string& name : rule.vary) {
    const HeaderId id = http::header_id(name);
    if (name == "*" || id == HeaderId::x_forwarded_for || id == HeaderId::forwarded) return name;
  }
  return {};
}

/// The path of an earlier rule that takes requests of this one, if earlier ones take them all.
/// A `*` of its own pattern is only covered by one of theirs, as any other character.
std::optional<std::string> taken_by(const config::CacheSettings& settings, std::size_t index) {
  constexpr std::array methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  config::CacheSettings part = settings;
  part.rules = {settings.rules[index]};
  const RequestRules own(part);
  part.rules.assign(settings.rules.begin(),
                    settings.rules.begin() + static_cast<std::ptrdiff_t>(index));
  const RequestRules earlier(part);
  const std::string path = PathPattern(settings.rules[index].match.path).text();
  std::optional<std::string> taker;
  for (const char* method : methods) {
    if (own.match(method, path) == nullptr) continue;
    const CompiledRule* rule = earlier.match(method, path);
    if (rule == nullptr) return std::nullopt;
    taker = rule->settings.match.path;
  }
  return taker;
}

class Warnings {
 public:
  explicit Warnings(const config::CacheSettings& settings) : settings_(settings) {}

  void judge(std::size_t index) {
    const config::CacheRule& rule = settings_.rules[index];
    begin_ = "cache.rules[" + std::to_string(index) + "] (`" + rule.match.path + "`): ";
    if (const auto path = taken_by(settings_, index)) {
      add("never applies: the earlier rule for `" + *path +
          "` takes its requests, and the first that matches decides");
    }
    judge_vary(rule);
    if (rule.ttl && rule.ttl_max && *rule.ttl > *rule.ttl_max) {
      add("`ttl` is above `ttl_max`, which cuts it");
    }
    if (rule.ttl && rule.ttl_min && *rule.ttl < *rule.ttl_min) {
      add("`ttl` is below `ttl_min`, which raises it");
    }
    if (rule.authenticated && rule.all_tenants &&
        settings_.tenant.by == config::CacheTenantKey::authorization) {
      add("`authenticated` keeps a copy for each Authorization, which is what tenants are told "
          "apart by: `all_tenants` shares none of them");
    }
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  void judge_vary(const config::CacheRule& rule) {
    if (const std::string_view name = never_equal(rule); !name.empty()) {
      add("`vary` names `" + std::string(name) +
          "`, which no two requests are taken to share: nothing is ever stored");
      return;
    }
    const std::chrono::seconds lifetime = std::max(rule.ttl.value_or(std::chrono::seconds(0)),
                                                   rule.ttl_min.value_or(std::chrono::seconds(0)));
    if (varies_by(rule, HeaderId::cookie) && lifetime >= long_lifetime) {
      add("`vary` names `Cookie`: each client's cookies are a variant of their own, of which "
          "`cache.variants_max` are kept and most never asked for again; a shorter `ttl` keeps "
          "less of what nobody else can use");
    }
    if (varies_by(rule, HeaderId::authorization) && !rule.authenticated) {
      add("`vary` names `Authorization`, but without `authenticated` only what the application "
          "itself calls shared is kept for such requests");
    }
  }

  void add(const std::string& text) { lines_.push_back(begin_ + text); }

  const config::CacheSettings& settings_;
  std::string begin_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> rule_warnings(const config::CacheSettings& settings) {
  Warnings warnings(settings);
  for (std::size_t i = 0; i < settings.rules.size(); ++i) warnings.judge(i);
  return warnings.take();
}

}  // namespace homeostat::cache
