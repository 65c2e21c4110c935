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

}  // namespace homeostat::tier
