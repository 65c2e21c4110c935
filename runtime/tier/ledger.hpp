// What this agent knows of the fleet's invalidations, and with it whether an entry
// of the shared tier may still be used.
//
// The log (fleet_log.hpp) numbers every invalidation. An entry holds the position
// its writer had applied when the fetch began; it is dead if anything that names it
// has a higher number, because the fetch may have brought what was invalidated.
// Positions are taken before the request leaves, so a fetch under way can never
// bring back what was invalidated meanwhile, whoever reads it.
//
//   number of what names the entry <= since     it was fetched afterwards: usable
//   no number yet (expected)                    this agent's own invalidation is on
//                                               its way to the log: dead
//   since < floor, or of another log            not everything is known about it: dead
//
// Nothing is searched: names are found by hash, patterns (few) one by one. A hash
// that two names share only kills more than it must.
//
// Bounds: `marks_max` names, `patterns_max` patterns. Beyond, the older half is
// forgotten and the floor raised to its highest number: entries that old are then
// dead, which is safe.
//
// Thread safety: all methods from any thread; one mutex, only on the miss path.
// Errors: none.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/cache/key_pattern.hpp"
#include "runtime/cache/tags.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/tier/position.hpp"

namespace homeostat::tier {

/// What one invalidation names, ready to be looked up.
struct Names {
  std::vector<std::uint64_t> hashes;
  std::vector<std::string> patterns;
  bool everything = false;

  void add_tag(std::string_view identity);
  void add_key(std::string_view key);
  void add_location(std::uint64_t location);
  void add_pattern(std::string_view pattern);
};

/// An entry as far as invalidations can name it.
struct Subject {
  const cache::TagSet& tags;
  std::string_view key;      ///< with its variant
  std::string_view primary;  ///< without
  std::string_view path;
  std::uint64_t location = 0;
};

class Ledger {
 public:
  static constexpr std::size_t marks_max = 65536;
  static constexpr std::size_t patterns_max = 1024;
  /// Entries of another agent may know this many invalidations more.
  static constexpr std::uint64_t ahead_max = 1'000'000;
  /// Without news from the log for this long nothing of the tier is trusted.
  static constexpr Duration trust_max = std::chrono::seconds(3);

  /// Begins with a log from which entry `first` on everything will be recorded.
  void begin(std::uint64_t epoch, std::uint64_t first);
  /// The log was lost or has a gap: nothing that is older than `position` is known.
  /// What is expected still is.
  void restart(LogPosition position);
  /// Everything up to here was recorded: entries may be used and written.
  void confirm(Instant now);

  /// An invalidation of this agent's that has no number yet.
  void expect(const Names& names);
  /// It has one now.
  void settle(const Names& names, std::uint64_t number);
  /// Forgets everything expected: an invalidation of everything stands for it all.
  void expect_only_everything();
  /// Another agent's, or what was there before. Moves the position if it is the next.
  void record(const Names& names, std::uint64_t number);
  /// Own entries `first` to `last` were applied when they were made: moves the position
  /// if they are the next ones.
  void applied(std::uint64_t first, std::uint64_t last);

  [[nodiscard]] LogPosition position() const;
  [[nodiscard]] bool trusted(Instant now) const;
  /// When the log confirmed last.
  [[nodiscard]] Instant confirmed() const;
  /// The position entries written now are of; nothing while not trusted.
  [[nodiscard]] std::optional<LogPosition> stamp(Instant now) const;
  [[nodiscard]] bool usable(const Subject& subject, LogPosition since) const;
  /// The number from which on entries of this log about the subject may be used; nothing: an
  /// invalidation that names it has no number yet, or the log is not known.
  [[nodiscard]] std::optional<std::uint64_t> alive_from(const Subject& subject) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Mark {
    std::uint64_t number = 0;
    std::uint32_t expected = 0;
  };
  struct PatternMark {
    cache::KeyPattern pattern;
    Mark mark;
  };
  // All under mutex_.
  void put(const Names& names, std::uint64_t number, int expected);
  void bound();
  [[nodiscard]] bool dead(std::uint64_t hash, std::uint64_t since) const;

  mutable std::mutex mutex_;
  std::uint64_t epoch_ = 0, applied_ = 0, floor_ = 0, highest_ = 0;
  std::uint32_t everything_expected_ = 0;
  bool ready_ = false;
  Instant confirmed_{};
  std::unordered_map<std::uint64_t, Mark> marks_;
  std::map<std::string, PatternMark, std::less<>> patterns_;
};

}  // namespace homeostat::tier
