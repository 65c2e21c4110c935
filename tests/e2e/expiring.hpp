// For tests of what becomes stale: responses that expire within a second, and
// waiting for that by asking.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test::stale {

inline AgentConfig config_without_ahead(const ScriptedOrigin& origin,
                                        const std::string& cache = {}) {
  // Asking again and again until something is stale must not refresh it before.
  if (contains(cache, "refresh:")) return test::config_of(origin, cache);
  return test::config_of(origin, "refresh: {ahead: off}" + (cache.empty() ? "" : ", " + cache));
}

/// Expires within its first second.
inline std::string expiring(const std::string& directives = {}) {
  return "Cache-Control: max-age=60" + (directives.empty() ? "" : ", " + directives) +
         "\r\nAge: 59\r\nETag: \"1\"\r\n";
}

/// Asks until the answer says `part`; that answer, or the last one.
inline Message until(const RunningAgent& agent, std::string_view target, std::string_view part) {
  Message last;
  EXPECT_TRUE(eventually([&] {
    last = agent.get(target);
    return contains(last.get("cache-status"), part);
  })) << part
      << " never in " << last.get("cache-status");
  return last;
}

/// First `first`, then whatever `then` does with the exchange.
class Sequel {
 public:
  Sequel(ScriptedOrigin& origin, const std::string& path, const std::string& first,
         ScriptedOrigin::Handler then) {
    origin.on(path, [this, first, then](OriginExchange& exchange) {
      if (!begun_.exchange(true)) {
        exchange.respond(200, first, "old");
      } else {
        then(exchange);
      }
    });
  }

 private:
  std::atomic<bool> begun_{false};
};

inline const std::string lasting = "Cache-Control: max-age=600\r\nETag: \"2\"\r\n";

}  // namespace homeostat::test::stale
