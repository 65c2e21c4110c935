// Reads the whole body of a POST that a rule caches, because its hash is part
// of the cache key; then serves the request.
//
// Bounds: bodies of a known length up to `body_max`, while server.request_memory has
// room for them; all others are passed through without the cache. body_timeout and
// body_rate_min apply.
// Thread safety: none; one worker.
#pragma once

#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"

namespace homeostat::proxy {

class BodyCollector final : public Exchange {
 public:
  static constexpr std::uint64_t body_max = 256 * 1024;

  /// Whether this request's body is to be collected.
  [[nodiscard]] static bool wanted(Worker& worker, const RequestContext& request);

  explicit BodyCollector(ClientConnection& connection) : connection_(&connection) {}

  void start() override;
  void on_client_readable() override { collect(); }
  void on_client_writable() override {}
  void on_client_deadline(ClientWait wait) override;
  void on_client_gone() override {}

 private:
  void collect();
  void complete();

  Ref<ClientConnection> connection_;
};

}  // namespace homeostat::proxy
