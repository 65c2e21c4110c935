// Whether a purge names an entry of the application's data: by its tags, its key as the
// application calls it, or a pattern of that.
//
// Thread safety: const use from any thread. Ownership: keeps a reference to the request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cache/key_pattern.hpp"
#include "runtime/ports/actuators.hpp"

namespace homeostat::tier {

class DataMatch {
 public:
  enum class By : std::uint8_t { nothing, tag, pattern, key };

  explicit DataMatch(const PurgeRequest& request);
  /// What names it first, in this order.
  [[nodiscard]] By of(const std::string& key, const std::vector<std::string>& tags) const;

 private:
  const PurgeRequest& request_;
  std::vector<cache::KeyPattern> patterns_;
};

}  // namespace homeostat::tier
