#include "config/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "config/address.hpp"
#include "config/units.hpp"

namespace homeostat::config {
namespace {

class Checks {
 public:
  Checks(const Settings& settings, const Place& root, Reading& reading)
      : settings_(settings), root_(root), reading_(reading) {}

  void required() {
    if (settings_.listen.empty() && !given("listen")) {
      fail({"listen"}, "`listen` is required", "write e.g. listen: 127.0.0.1:8080");
    }
    if (settings_.upstream.targets.empty() && !given("upstream.url")) {
      fail({"upstream"}, "`upstream.url` is required", "write e.g. url: http://127.0.0.1:9000");
    }
  }

  void addresses() {
    const auto& admin = settings_.admin;
    if (!is_loopback(admin.listen) && admin.tokens.empty() && !failed("admin.tokens")) {
      fail({"admin.listen"},
           fmt::format("the management listener at {} can be reached from other machines and has "
                       "no token",
                       to_string(admin.listen)),
           "add admin.tokens, or listen on 127.0.0.1");
    }
    for (const auto& address : settings_.listen) {
      if (address == admin.listen && (address.port != 0 || !address.unix_path.empty())) {
        fail({"admin.listen", "listen"}, "`admin.listen` and `listen` are the same address");
      }
      for (const auto& target : settings_.upstream.targets) {
        if (address == target.address) {
          fail({"upstream.url", "listen"},
               "`upstream.url` and `listen` are the same address: a loop");
        }
      }
    }
    for (auto token = admin.tokens.begin(); token != admin.tokens.end(); ++token) {
      const auto same = [&](const auto& other) { return other.name == token->name; };
      if (std::any_of(admin.tokens.begin(), token, same)) {
        fail({"admin.tokens"},
             fmt::format("`admin.tokens` has two entries named `{}`", token->name));
      }
    }
  }

  void order() {
    const auto& admission = settings_.admission;
    if (admission.limit_min > admission.limit_max) {
      fail({"admission.limit_min", "admission.limit_max"},
           "`admission.limit_min` is above `admission.limit_max`");
    } else if (admission.limit_initial < admission.limit_min ||
               admission.limit_initial > admission.limit_max) {
      fail({"admission.limit_initial", "admission.limit_min", "admission.limit_max"},
           fmt::format("`admission.limit_initial` ({:.10g}) is not between limit_min ({:.10g}) and "
                       "limit_max ({:.10g})",
                       admission.limit_initial, admission.limit_min, admission.limit_max));
    }
    if (settings_.compression.min_size > settings_.compression.max_size) {
      fail({"compression.min_size", "compression.max_size"},
           "`compression.min_size` is above `compression.max_size`");
    }
    if (settings_.cache.object_bytes_max > settings_.cache.memory) {
      fail({"cache.object_bytes_max", "cache.memory"},
           "`cache.object_bytes_max` is above `cache.memory`");
    }
    if (!settings_.cache.query_drop.empty() && !settings_.cache.query_keep.empty()) {
      fail({"cache.query_keep", "cache.query_drop"},
           "`cache.query_keep` and `cache.query_drop` exclude each other: what is not kept is "
           "dropped");
    }
    const auto& optimization = settings_.optimization;
    if (optimization.policy_lease < 2 * optimization.interval) {
      fail({"optimization.policy_lease", "optimization.interval"},
           fmt::format("`optimization.policy_lease` must be at least twice `optimization.interval` "
                       "({}), or it lapses between two decisions",
                       format_duration(optimization.interval)));
    }
  }

  void redis() {
    const RedisSettings& redis = settings_.cache.redis;
    const bool sentinel = redis.topology == RedisTopology::sentinel;
    if (!redis.configured()) {
      if (given("cache.redis.url")) return;
      belongs_to("cache.redis.url",
                 {{"cache.redis.topology", redis.topology != RedisTopology::single},
                  {"cache.redis.master", !redis.master.empty()},
                  {"cache.redis.user", !redis.user.empty()},
                  {"cache.redis.password", !redis.password.empty()}});
      return;
    }
    if (sentinel && redis.master.empty()) {
      fail({"cache.redis.topology"}, "`topology: sentinel` needs `cache.redis.master`");
    }
    if (!sentinel) {
      belongs_to("topology: sentinel",
                 {{"cache.redis.master", !redis.master.empty()},
                  {"cache.redis.sentinel_user", !redis.sentinel_user.empty()},
                  {"cache.redis.sentinel_password", !redis.sentinel_password.empty()}});
    }
    if (redis.topology == RedisTopology::single && redis.servers.size() > 1) {
      fail({"cache.redis.url"},
           "`cache.redis.url` names several servers: say `topology: sentinel` or `cluster`");
    }
    const RedisServer& first = redis.servers.front();
    for (const RedisServer& server : redis.servers) {
      if (server.tls != first.tls || server.database != first.database) {
        fail({"cache.redis.url"}, "the servers of `cache.redis.url` differ in TLS or database");
        break;
      }
    }
    if (redis.topology == RedisTopology::cluster && first.database != 0) {
      fail({"cache.redis.url"}, "a cluster has no databases");
    }
    if (!redis.user.empty() && redis.password.empty()) {
      fail({"cache.redis.user", "cache.redis.password", "cache.redis.password_file"},
           "`cache.redis.user` needs a `password` or `password_file`");
    }
    if (!redis.sentinel_user.empty() && redis.sentinel_password.empty()) {
      fail({"cache.redis.sentinel_user", "cache.redis.sentinel_password"},
           "`cache.redis.sentinel_user` needs a `sentinel_password`");
    }
    if (given("cache.redis.password") && given("cache.redis.password_file")) {
      fail({"cache.redis.password"},
           "`cache.redis.password` and `cache.redis.password_file` exclude each other");
    }
    if (redis.queue_bytes_max < redis.object_bytes_max + mebibyte) {
      fail({"cache.redis.queue_bytes_max", "cache.redis.object_bytes_max"},
           "`cache.redis.queue_bytes_max` must be at least 1 MiB more than `object_bytes_max`, or "
           "what is that large could never be written");
    }
    redis_tls(redis.tls, first.tls);
  }

  void redis_tls(const RedisTlsSettings& tls, bool used) {
    if (!used) {
      belongs_to("rediss://", {{"cache.redis.tls.ca_file", !tls.ca_file.empty()},
                               {"cache.redis.tls.certificate_file", !tls.certificate_file.empty()},
                               {"cache.redis.tls.key_file", !tls.key_file.empty()},
                               {"cache.redis.tls.server_name", !tls.server_name.empty()},
                               {"cache.redis.tls.verify", !tls.verify}});
    }
    if (tls.certificate_file.empty() != tls.key_file.empty()) {
      fail({"cache.redis.tls"},
           "`cache.redis.tls.certificate_file` and `key_file` need each other");
    }
    if (!tls.verify && !tls.ca_file.empty()) {
      fail({"cache.redis.tls.ca_file"},
           "`cache.redis.tls.ca_file` is of no use with `verify: false`, which takes any "
           "certificate");
    }
  }

  /// Every event that another one names must exist. Circles do no harm: an event is run once.
  void events() {
    constexpr std::string_view word = "event:";
    for (const auto& [name, items] : settings_.cache.events) {
      for (const std::string& item : items) {
        if (!item.starts_with(word)) continue;
        const auto named = item.substr(word.size());
        const auto& all = settings_.cache.events;
        if (std::none_of(all.begin(), all.end(),
                         [&](const auto& event) { return event.first == named; })) {
          fail({"cache.events"},
               fmt::format("`cache.events.{}` names the event `{}`, which there is not", name,
                           named));
        }
      }
    }
  }

  void cache_tenants() {
    const CacheTenantSettings& tenant = settings_.cache.tenant;
    if ((tenant.by == CacheTenantKey::header) != !tenant.field.empty()) {
      fail({"cache.tenant"}, "`cache.tenant.field` belongs to `by: header`, and only there",
           "write e.g. tenant: {by: header, field: X-Tenant-Id}");
    }
    if (tenant.by == CacheTenantKey::token_subject && !settings_.server.trust_forwarded) {
      fail({"cache.tenant.by"},
           "`cache.tenant.by: token_subject` reads tokens without verifying them, so anybody "
           "could ask for another tenant's responses",
           "set server.trust_forwarded if a proxy in front verifies tokens and is the only way in; "
           "else use by: authorization");
    }
    if (tenant.by != CacheTenantKey::none) return;
    for (const CacheRule& rule : settings_.cache.rules) {
      if (!rule.all_tenants) continue;
      fail({"cache.rules"},
           fmt::format("`cache.rules` for {}: `all_tenants` needs a `cache.tenant.by`, without "
                       "which there are no tenants",
                       rule.match.path));
    }
  }

  void admission() {
    const auto& admission = settings_.admission;
    unique_names(admission.rate_limits, "admission.rate_limits");
    unique_names(admission.concurrency_caps, "admission.concurrency_caps");
    unique_names(admission.page_limits, "admission.page_limits");
    const auto& tenant = admission.tenant;
    if ((tenant.by == TenantKey::header) != !tenant.field.empty()) {
      fail({"admission.tenant"}, "`admission.tenant.field` belongs to `by: header`, and only there",
           "write e.g. tenant: {by: header, field: X-Tenant-Id}");
    }
    if (tenant.by == TenantKey::token_subject && !settings_.server.trust_forwarded) {
      fail({"admission.tenant.by"},
           "`admission.tenant.by: token_subject` reads tokens without verifying them, so anybody "
           "could use up what belongs to another",
           "set server.trust_forwarded if a proxy in front verifies tokens and is the only way in; "
           "else use by: authorization");
    }
  }

  /// What is never let through cannot be read either.
  void underscores() {
    if (settings_.server.header_underscores) return;
    const auto refuse = [&](std::string_view key, const std::string& name) {
      const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-';
      };
      if (name == "*" || std::all_of(name.begin(), name.end(), plain)) return;
      fail({key},
           fmt::format("`{}` names the field `{}`, but fields with `_`, `.` or the like in their "
                       "names are left out of requests",
                       key, name),
           "write the name with `-`, or set server.header_underscores");
    };
    refuse("cache.tenant.field", settings_.cache.tenant.field);
    refuse("admission.tenant.field", settings_.admission.tenant.field);
    for (const auto& field : settings_.admission.deadlines.fields) {
      refuse("admission.deadlines.fields", field.name);
    }
    for (const CacheRule& rule : settings_.cache.rules) {
      for (const std::string& name : rule.vary) refuse("cache.rules", name);
    }
  }

  void health() {
    const auto& check = settings_.upstream.health;
    if (check.path.empty()) {
      // Unchanged defaults may be spelled out, as `check --print` does.
      const HealthCheckSettings standard;
      if (check.interval != standard.interval || check.timeout != standard.timeout ||
          check.healthy_after != standard.healthy_after ||
          check.unhealthy_after != standard.unhealthy_after) {
        fail({"upstream.health"}, "`upstream.health` without a `path` checks nothing",
             "write e.g. path: /healthz");
      }
    } else if (check.timeout > check.interval) {
      fail({"upstream.health.timeout", "upstream.health.interval"},
           "`upstream.health.timeout` is above `upstream.health.interval`");
    }
  }

 private:
  template <class Rules>
  void unique_names(const Rules& rules, const std::string& key) {
    for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
      const auto same = [&](const auto& other) { return other.name == rule->name; };
      if (std::any_of(rules.begin(), rule, same)) {
        fail({key}, fmt::format("`{}` has two entries named `{}`", key, rule->name));
      }
    }
  }

  [[nodiscard]] bool given(const std::string& key) const { return reading_.places.count(key) > 0; }

  struct Key {
    std::string_view name;
    bool set;  ///< to more than what holds without it
  };

  /// What would change nothing is refused: who wrote it relies on it.
  void belongs_to(std::string_view what, std::initializer_list<Key> keys) {
    for (const Key& key : keys) {
      if (key.set)
        fail({key.name}, fmt::format("`{}` belongs to `{}`, and only there", key.name, what));
    }
  }

  /// At the first of the keys that was given; not at all if one of them could not be
  /// read: it holds its default then, and a second message would only confuse.
  void fail(std::initializer_list<std::string_view> keys, std::string message,
            std::string suggestion = {}) {
    if (std::any_of(keys.begin(), keys.end(), [&](auto key) { return failed(key); })) return;
    std::string_view named = *keys.begin();
    for (const auto key : keys) {
      if (!given(std::string(key))) continue;
      named = key;
      break;
    }
    reading_.report.error(place_of(named, root_, reading_), std::move(message),
                          std::move(suggestion));
  }

  [[nodiscard]] bool failed(std::string_view key) const { return could_not_read(key, reading_); }

  const Settings& settings_;
  const Place& root_;
  Reading& reading_;
};

}  // namespace

const Place& place_of(std::string_view key, const Place& root, const Reading& reading) {
  while (!key.empty()) {
    const auto place = reading.places.find(std::string(key));
    if (place != reading.places.end()) return place->second;
    const auto end = key.find_last_of(".[");
    key = key.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return root;
}

bool could_not_read(std::string_view key, const Reading& reading) {
  // A list fails as a whole with one of its rows, and a section's keys with it.
  const auto inside = [](std::string_view inner, std::string_view outer) {
    return inner.starts_with(outer) && (inner.size() == outer.size() ||
                                        inner[outer.size()] == '.' || inner[outer.size()] == '[');
  };
  return std::any_of(reading.failed.begin(), reading.failed.end(), [&](const std::string& other) {
    return inside(key, other) || inside(other, key);
  });
}

void check_settings(const Settings& settings, const Place& root, Reading& reading) {
  Checks checks(settings, root, reading);
  checks.required();
  checks.addresses();
  checks.order();
  checks.redis();
  checks.events();
  checks.cache_tenants();
  checks.admission();
  checks.underscores();
  checks.health();
}

}  // namespace homeostat::config
