// (method, path) -> EndpointId with bounded cardinality.
//
// Explicit route templates win; other paths are templated (path_template.hpp),
// and a position that has seen more than `values_max` different values becomes
// `{value}`. What does not fit is counted under id 0, `other`.
//
// An endpoint is created by `learn`, which the worker calls when a response
// shows that the path exists, so that a scanner's 404s never fill the table.
//
// Ids are dense, given once and never reused. When a position collapses, the
// ids below it retire: `successor` says which id takes over. At most
// settings.max endpoints are live and at most id_space() ids are ever given.
//
// Thread safety: every method may be called from any thread. Readers on the
// request path use an EndpointCache (one per worker): it reads an immutable
// snapshot without a lock and fetches a new one only after the table changed.
// Memory: about 200 bytes per endpoint, shared between snapshots.
// Errors: none; an unusable explicit route (no leading '/') throws
// std::invalid_argument in the constructor.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/monitor.hpp"
#include "rules/engine/frame.hpp"
#include "runtime/telemetry/http_method.hpp"
#include "runtime/telemetry/path_template.hpp"

namespace homeostat::telemetry {

using rules::EndpointId;

inline constexpr EndpointId other_endpoint = 0;

struct RouteNode;      // route_tree.hpp
class ExplicitRoutes;  // explicit_routes.hpp

struct EndpointName {
  std::string method;  ///< "GET"; "OTHER" for id 0
  std::string route;   ///< "/book/{id}"; "other" for id 0
};

/// An id whose position collapsed. Whoever has seen `generation` meets it no more.
struct RetiredEndpoint {
  EndpointId id;
  EndpointId successor;
  std::uint64_t generation;
};

/// An immutable view of the table.
class RouteSnapshot {
 public:
  [[nodiscard]] EndpointId find(Method method, std::string_view target) const noexcept;
  /// The live endpoint that counts for `id`.
  [[nodiscard]] EndpointId translate(EndpointId id) const noexcept {
    return id < successors_.size() ? successors_[id] : id;
  }

 private:
  friend class EndpointTable;
  using MethodIds = std::array<EndpointId, method_count>;

  std::shared_ptr<const ExplicitRoutes> explicit_routes_;
  std::vector<MethodIds> explicit_ids_;  // by index of the explicit route
  std::shared_ptr<const RouteNode> root_;
  std::vector<EndpointId> successors_;  // by id; empty while nothing retired
};

class EndpointTable {
 public:
  static constexpr std::size_t values_max = 50;  ///< distinct values of one position

  explicit EndpointTable(const config::EndpointSettings& settings);
  ~EndpointTable();
  EndpointTable(const EndpointTable&) = delete;
  EndpointTable& operator=(const EndpointTable&) = delete;

  /// Id of the endpoint, creating it if there is room; else `other`.
  EndpointId learn(std::string_view method, std::string_view target);
  /// Looks up only. Takes a lock: for the admin listener, not for workers.
  [[nodiscard]] EndpointId find(std::string_view method, std::string_view target) const;

  [[nodiscard]] EndpointName name(EndpointId id) const;
  /// `id` itself while it is live.
  [[nodiscard]] EndpointId successor(EndpointId id) const;
  /// Live ids in ascending order, `other` included.
  [[nodiscard]] std::vector<EndpointId> live() const;
  [[nodiscard]] std::size_t live_count() const;  ///< without `other`
  /// One more than the largest id that can ever be given.
  [[nodiscard]] std::size_t id_space() const noexcept { return id_space_; }
  /// True when `learn` cannot create any more.
  [[nodiscard]] bool full() const noexcept { return full_.load(std::memory_order_relaxed); }
  /// How many ids were given so far, `other` included.
  [[nodiscard]] std::size_t given() const;
  /// Retired ids in the order of their retirement, from `skip` on.
  [[nodiscard]] std::vector<RetiredEndpoint> retired(std::size_t skip) const;

  /// Changes whenever a snapshot does.
  [[nodiscard]] std::uint64_t generation() const noexcept {
    return generation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::shared_ptr<const RouteSnapshot> snapshot() const;

 private:
  struct Entry {
    EndpointName name;
    EndpointId successor;
  };
  EndpointId learn_explicit(RouteSnapshot& next, Method method, std::size_t route);
  EndpointId learn_template(RouteSnapshot& next, Method method, const RoutePath& path);
  EndpointId give_id(Method method, std::string route);
  void retire(EndpointId id, EndpointId successor);
  void publish(RouteSnapshot next);

  const std::size_t max_;
  const std::size_t id_space_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::vector<RetiredEndpoint> retired_;
  std::size_t live_ = 0;
  std::shared_ptr<const RouteSnapshot> snapshot_;
  std::atomic<std::uint64_t> generation_{1};
  std::atomic<bool> full_{false};
};

/// A worker's view of the table: a direct-mapped array from a keyed hash of
/// (method, target path) to an id, over the newest snapshot.
/// Thread safety: none but adopted(); one per worker. Memory: 32 KiB.
class EndpointCache {
 public:
  explicit EndpointCache(const EndpointTable& table);
  [[nodiscard]] EndpointId find(std::string_view method, std::string_view target) noexcept;
  /// The live endpoint for an id that may have retired since it was found.
  [[nodiscard]] EndpointId translate(EndpointId id) noexcept {
    if (table_.generation() != generation_.load(std::memory_order_relaxed)) [[unlikely]]
      refresh();
    return snapshot_->translate(id);
  }
  /// The table's generation this worker has adopted; for the collector.
  [[nodiscard]] std::uint64_t adopted() const noexcept {
    return generation_.load(std::memory_order_acquire);
  }

 private:
  static constexpr std::size_t lines = 2048;
  struct Line {
    std::uint64_t hash = 0;
    EndpointId id = other_endpoint;
  };
  void refresh();

  const EndpointTable& table_;
  const std::uint64_t seed_;                  // unpredictable, so that no client can aim at a line
  std::atomic<std::uint64_t> generation_{0};  // written by the worker only
  std::shared_ptr<const RouteSnapshot> snapshot_;
  std::vector<Line> lines_;
};

}  // namespace homeostat::telemetry
