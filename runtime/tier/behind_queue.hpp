// Writes of the application's data that were acknowledged and that Redis does not have yet:
// in the order in which they came, one per key.
//
//   add()   waiting     a later write of the same key takes its place, and its age
//   take()  on the way  the oldest of them; a later write of the same key waits meanwhile
//   end_way()           gone: Redis has it, or its time was over
//   put_back()          waiting again, in front, unless a later one of the key waits
//
// What is erased, purged or written past the queue is dropped, wherever it is; then it must not be
// sent any more: see on_the_way().
//
// Bounds: `bytes_max` with overhead, `entries_max` writes, of both kinds together. What does not
// fit is refused, and changes nothing.
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

struct BehindFigures {
  std::size_t entries = 0, bytes = 0;
  Duration oldest{};  ///< since it was acknowledged, or what it replaced
};

class BehindQueue {
 public:
  struct Write {
    std::string key;  ///< as the application calls it
    std::string value;
    std::vector<std::string> tags;
    Instant expires{};
    Instant accepted{};
  };
  enum class Added : std::uint8_t { waits, replaces, refused };

  BehindQueue(std::size_t bytes_max, std::size_t entries_max)
      : bytes_max_(bytes_max), entries_max_(entries_max) {}

  [[nodiscard]] Added add(Write write);
  /// The newest of the key.
  [[nodiscard]] std::optional<Write> find(const std::string& key) const;
  [[nodiscard]] bool waits(const std::string& key) const;
  /// How many were dropped.
  std::size_t drop(const std::string& key);
  std::size_t purge(const PurgeRequest& request);

  /// Sends the oldest on their way: at most `count_max`, and no further one beyond `bytes_max`.
  /// Returns their keys. REQUIRES: none is on its way.
  [[nodiscard]] std::vector<std::string> take(std::size_t count_max, std::size_t bytes_max);
  /// Those that were taken and not dropped since, in their order.
  [[nodiscard]] std::vector<Write> on_the_way() const;
  void end_way(const std::string& key);
  void put_back();

  /// When the oldest that waits was accepted; nothing: none waits.
  [[nodiscard]] std::optional<Instant> oldest() const;
  [[nodiscard]] BehindFigures figures(Instant now) const;

 private:
  struct Item {
    Write write;
    std::size_t bytes = 0;
  };
  using Items = std::list<Item>;

  [[nodiscard]] static std::size_t bytes_of(const Write& write);
  // All under mutex_.
  Items::iterator leave(Items::iterator waiting);
  Items::iterator forget(Items::iterator on_way);
  template <class Named>
  std::size_t drop_all(const Named& named);

  const std::size_t bytes_max_, entries_max_;
  mutable std::mutex mutex_;
  Items waiting_;                                                 // oldest first
  Items on_way_;                                                  // the same
  std::unordered_map<std::string_view, Items::iterator> by_key_;  // of waiting_
  std::size_t bytes_ = 0;
};

}  // namespace homeostat::tier
