// The application's own data in the cache, and what lies in the shared tier, as the
// management API sees them. Answers come later: Redis may have to be asked.
//
// Thread safety: all calls and all answers on the control loop. An answer may come
// before the call returns; it comes at most once, and not at all after the end of the
// loop. Bounds: every answer within a few seconds, whatever Redis does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat {

/// Where something was found, or went.
enum class DataLevel : std::uint8_t {
  none,
  memory,   ///< of this agent
  shared,   ///< also in the tier that the fleet shares
  behind,   ///< in this agent's memory, and on its way to the tier
  refused,  ///< nowhere, and what was there before still is: no room to wait for the tier
};

/// When a write is acknowledged.
enum class DataWrite : std::uint8_t {
  through,  ///< the tier has it, or has not answered in time
  behind,   ///< it waits for the tier in this agent, within bounds; a crash may lose it
};

struct DataEntry {
  std::string key;    ///< as the application calls it
  std::string value;  ///< bytes; the API puts JSON text in
  std::vector<std::string> tags;
  Duration ttl{};  ///< that is left; of what is written: its lifetime
  DataLevel level = DataLevel::none;
};

/// What is known of an entry.
struct DataFound {
  std::optional<DataEntry> entry;
  bool known = true;  ///< false: the tier may have it, and could not be asked
};

/// What an erase took away.
struct DataErased {
  bool found = false;
  DataLevel level = DataLevel::none;  ///< where it is gone
};

/// What lies in the shared tier, page by page.
struct SharedKeyQuery {
  std::string pattern;  ///< as PurgeRequest::patterns; empty: all
  std::size_t limit = 100;
  std::string cursor;  ///< SharedKeyPage::next_cursor of the page before
};
struct SharedKeyPage {
  bool valid_cursor = true;
  bool complete = true;  ///< false: Redis did not answer in time
  std::vector<CacheKey> keys;
  std::string next_cursor;  ///< empty: this was the last page
};

class ApplicationData {
 public:
  virtual ~ApplicationData() = default;
  virtual void get(const std::string& key, std::function<void(DataFound)> found) = 0;
  /// `none`: it is too large for every level there is. Where there is no room to wait, a write
  /// behind is one through, or `refused` while the tier is away. Without a tier both are the same.
  virtual void put(DataEntry entry, DataWrite when, std::function<void(DataLevel)> stored) = 0;
  virtual void erase(const std::string& key, std::function<void(DataErased)> erased) = 0;
  /// REQUIRES: there is a shared tier. Visits a bounded number of keys per call, so that
  /// a page may hold fewer than `limit`, even none, and not be the last. Keys that come
  /// or go meanwhile may be missed, and a key may show twice (Redis' SCAN).
  virtual void list_shared(const SharedKeyQuery& query,
                           std::function<void(SharedKeyPage)> listed) = 0;
};

}  // namespace homeostat
