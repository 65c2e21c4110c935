// Sections `cache.entries` and `cache.warm`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/settings/common.hpp"

namespace homeostat::config {

/// Data the application keeps through the management API.
struct EntrySettings {
  std::size_t memory = 16 * mebibyte;  ///< in this agent; 0 = in Redis only
  seconds ttl{3600};                   ///< of entries that state none
  /// How long a write behind waits in this agent for more that go to Redis with it.
  milliseconds behind_interval{100};
  std::size_t behind_memory = 8 * mebibyte;  ///< of what waits; 0 = nothing is written behind
  std::size_t behind_entries_max = 10'000;
};

/// What is fetched before anybody asks for it.
struct WarmSettings {
  std::vector<std::string> urls;  ///< absolute URLs, whose host is what clients ask for
  bool at_start = true;           ///< `urls`, and what was popular before
  std::string schedule;           ///< again, as cron says, in UTC; empty: never
  double rate = 20;               ///< fetches per second at most
  std::size_t popular_max = 500;  ///< responses remembered as popular; 0 = none
  std::string file;               ///< where they are remembered, besides Redis; empty: nowhere
  seconds save_interval{300};     ///< and at the end
  seconds ready_max{0};           ///< /readyz waits for it, but no longer; 0 = not at all
};

}  // namespace homeostat::config
