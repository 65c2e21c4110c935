// Notices how clients use endpoints, where that costs the application more than
// it must (runtime/ports/request_patterns.hpp).
//
//   run       ten or more requests for one template, each with another target,
//             back to back on one connection, a second apart at most: a list is
//             fetched item by item
//   deep page a page number from 100 on, or an offset from 1000 on
//   large     JSON of a mebibyte or more, and the query names no page or limit
//   split     a miss, though the same URL without its tracking parameters was
//             fetched in the last ten minutes, and the key holds those parameters
//   retry     the same target for the same client within ten seconds of a
//             failure or refusal
//   refetch   a response that had expired was fetched again, changed or not
//
// Only requests that the cache did not answer come here, so that hits cost
// nothing. What is counted is evidence for advice, no decision hangs on it.
//
// Thread safety: note and note_refetch on the worker's thread, add_to on any;
// PatternMemory is shared by all workers without locks. Bounds: rows_max
// endpoints per worker, further ones are not watched; the memory is a table
// whose entries overwrite each other, so that it forgets rather than grows.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/object.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/request_patterns.hpp"
#include "runtime/telemetry/worker_telemetry.hpp"

namespace homeostat::proxy {

/// Which hashes were put lately. A rare collision is a wrong count of one.
class PatternMemory {
 public:
  void put(std::uint64_t hash, Instant now) noexcept;
  [[nodiscard]] bool recent(std::uint64_t hash, Instant now,
                            std::chrono::seconds window) const noexcept;

 private:
  static constexpr std::size_t size = 8192;
  std::array<std::atomic<std::uint64_t>, size> entries_{};  ///< 40 bits of hash, 24 of seconds
};

/// What all workers remember together: a retry may come on any connection.
struct PatternMemories {
  PatternMemory failures, fetches;
};

/// Of one connection: the requests for one template in a row.
struct RequestRun {
  rules::EndpointId endpoint = 0;
  unsigned length = 0;
  std::uint64_t target = 0;  ///< hash of the last
  Instant last{};
};

struct WatchedRequest {
  std::uint64_t client = 0;  ///< client_identity.hpp: address_key
  std::string_view host, target, path, query;
  /// Of the cache, where the query is a part of it; empty: not stored anyway.
  std::string_view cache_key;
  bool json = false;
  Instant now{};
};

class PatternWatch {
 public:
  static constexpr std::size_t rows_max = 256;
  static constexpr std::uint64_t page_deep = 100, offset_deep = 1000;
  static constexpr std::uint64_t large_bytes = std::uint64_t{1} << 20U;
  static constexpr std::chrono::seconds run_gap{1}, retry_window{10}, split_window{600};

  explicit PatternWatch(PatternMemories& memories) : memories_(memories) {}
  ~PatternWatch();
  PatternWatch(const PatternWatch&) = delete;
  PatternWatch& operator=(const PatternWatch&) = delete;

  void note(const WatchedRequest& request, const telemetry::RequestRecord& record, RequestRun& run);
  void note_refetch(rules::EndpointId endpoint, bool unchanged, Duration lifetime) noexcept;
  /// Adds this worker's totals to those of the same endpoints in `totals`.
  void add_to(std::vector<RequestPatterns>& totals) const;

 private:
  struct Row;
  [[nodiscard]] Row* row(rules::EndpointId endpoint) noexcept;
  static void note_run(Row& row, std::uint64_t target, Instant now, RequestRun& run) noexcept;
  void note_failures(Row& row, std::uint64_t who, Instant now,
                     const telemetry::RequestRecord& record) noexcept;
  void note_query(Row& row, const WatchedRequest& request, const telemetry::RequestRecord& record);
  void note_tracking(Row& row, const WatchedRequest& request);

  PatternMemories& memories_;
  std::array<std::atomic<Row*>, rows_max> rows_{};
  std::string scratch_;
};

/// Whether two stored responses say the same: by the origin's ETag or this agent's own, a hash,
/// or, where tags differ or are missing, by the bodies, up to 64 KiB. Nothing: it would take
/// reading more to know.
[[nodiscard]] std::optional<bool> same_content(const cache::Object& a, const cache::Object& b);

}  // namespace homeostat::proxy
