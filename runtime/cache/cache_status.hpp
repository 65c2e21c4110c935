// One member of the Cache-Status field (RFC 9211), written into a buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/cache/reason.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::cache {

enum class Forward : std::uint8_t {
  none,  ///< served from the cache
  bypass,
  method,
  uri_miss,
  vary_miss,
  miss,
  request,
  stale,
  partial,
};

struct CacheStatus {
  bool hit = false;
  Forward forward = Forward::none;
  std::optional<Duration> ttl;  ///< remaining; negative when stale
  int forward_status = 0;       ///< 0: not written
  bool stored = false;
  bool collapsed = false;
  Reason detail = Reason::none;
  std::string_view key;  ///< only where the operator wants it shown
};

/// Appends e.g. `homeostat; hit; ttl=12` (value only, no field name, no CRLF).
void write_cache_status(const CacheStatus& status, std::string& out);

/// Appends an `Age` value in whole seconds.
void write_age(Duration age, std::string& out);

}  // namespace homeostat::cache
