// What an event of cache.events invalidates: its templates with their values put in,
// and what the events it names invalidate.
//
//   tag:books            a tag
//   event:stats.changed  whatever that event does, with the same values (cascade)
//   /books/{id}, a*b     a pattern: starts with `/`, or has a `*`
//   book:detail:{id}     a key, or an absolute URL
//
// Thread safety: pure functions. Bounds: names_max in all; an event is run once, however
// many name it, so that circles end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/ports/actuators.hpp"

namespace homeostat::admin {

using CacheEvents = std::vector<std::pair<std::string, std::vector<std::string>>>;
using EventValues = std::vector<std::pair<std::string, std::string>>;

struct ExpandedEvent {
  static constexpr std::size_t names_max = 1000;
  std::vector<std::string> events;  ///< that were run, the first one first
  PurgeRequest purge;
  std::vector<std::string> errors;  ///< values that are missing or may not be; nothing to do then
};

/// REQUIRES: `name` is one of them.
[[nodiscard]] ExpandedEvent expand_event(const CacheEvents& events, const std::string& name,
                                         const EventValues& values);

}  // namespace homeostat::admin
