// Keep-alive connections to the upstream, per worker and target, newest first
// (a warm connection is the least likely to have been closed by the server).
//
// Bounds: idle_connections_max per target and worker; connections_max per
// target over all workers; idle_timeout.
// Thread safety: none; one pool per worker.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "runtime/proxy/upstream_connection.hpp"

namespace homeostat::proxy {

class UpstreamPool {
 public:
  UpstreamPool(boost::asio::io_context& context, DeadlineWheel& wheel, const Clock& clock,
               std::shared_ptr<UpstreamSet> set);
  ~UpstreamPool();

  /// Replaces the targets; idle connections to those that go are closed.
  void replace(std::shared_ptr<UpstreamSet> set);
  [[nodiscard]] const std::shared_ptr<UpstreamSet>& set() const noexcept { return set_; }

  /// An idle connection to the target, or null.
  [[nodiscard]] Ref<UpstreamConnection> take_idle(UpstreamTarget& target);

  enum class OpenFailure : std::uint8_t {
    none,
    limit,    ///< connections_max
    local,    ///< this machine has no descriptor, memory or port left
    refused,  ///< anything else
  };
  struct Opened {
    Ref<UpstreamConnection> connection;
    OpenFailure failure = OpenFailure::none;
  };
  /// A connection that is being opened.
  [[nodiscard]] Opened open(UpstreamTarget& target);

  /// Keeps the connection for the next request, or closes it at the bound.
  void give_back(Ref<UpstreamConnection> connection);
  void discard(UpstreamConnection& connection);
  void close_idle();
  /// From now on nothing is kept: an idle connection would keep the loop alive.
  void drain();
  [[nodiscard]] std::size_t idle() const noexcept;

 private:
  struct Shelf {
    UpstreamTarget* target;
    std::vector<Ref<UpstreamConnection>> idle;
  };
  [[nodiscard]] Shelf* shelf(const UpstreamTarget& target) noexcept;

  boost::asio::io_context& context_;
  DeadlineWheel& wheel_;
  const Clock& clock_;
  std::shared_ptr<UpstreamSet> set_;
  std::vector<Shelf> shelves_;
  bool draining_ = false;
};

}  // namespace homeostat::proxy
