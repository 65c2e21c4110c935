// A place in the fleet's log of invalidations: which log, and how many of its
// entries had been applied.
//
// Thread safety: a plain value.
#pragma once

#include <cstdint>

namespace homeostat::tier {

struct LogPosition {
  std::uint64_t epoch = 0;  ///< random, made with the log; 0: none
  std::uint64_t number = 0;

  bool operator==(const LogPosition&) const = default;
};

/// An entry of the log. Numbers can be given twice: by a server that took over without
/// the newest entries, or by two at once. The random nonce of the entry tells.
struct LogMark {
  LogPosition position;
  std::uint64_t nonce = 0;
};

}  // namespace homeostat::tier
