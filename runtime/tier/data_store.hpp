// The application's own data in this agent's memory: by key, with a lifetime and tags,
// least recently used first out.
//
// Bounds: `bytes_max` with all overhead, `entries_max` entries; one entry at most a
// quarter of it. What is expired is not found, and goes when room is needed.
//
// Thread safety: all methods from any thread (one mutex, never on the request path).
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::tier {

struct DataFigures {
  std::size_t entries = 0, bytes = 0, bytes_max = 0;
  std::uint64_t evictions = 0;
};

class DataStore {
 public:
  static constexpr std::size_t entries_max = 100'000;

  struct Value {
    std::string bytes;
    std::vector<std::string> tags;
    Instant expires{};
  };

  explicit DataStore(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// False: too large; what was there under the key is gone all the same.
  bool set(const std::string& key, Value value, Instant now);
  [[nodiscard]] std::optional<Value> get(const std::string& key, Instant now);
  bool erase(const std::string& key);
  /// Drops what the request names; keys and patterns are compared with the entry's whole
  /// key. A soft purge drops, too: there is nobody to validate with.
  PurgeResult purge(const PurgeRequest& request);
  /// Changes with every set, erase and purge: what was read elsewhere before is old.
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] DataFigures figures() const;

 private:
  struct Item {
    std::string key;
    Value value;
    std::size_t bytes = 0;
  };
  using Items = std::list<Item>;  // most recently used first

  void drop(Items::iterator item);
  [[nodiscard]] static std::size_t bytes_of(const std::string& key, const Value& value);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Items items_;
  std::unordered_map<std::string_view, Items::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t generation_ = 0, evictions_ = 0;
};

}  // namespace homeostat::tier
