// One data plane thread: an event loop with everything a request needs, so that
// nothing on the request path is shared with another thread except the cache's
// lock-free reads and the gate's counter.
//
// Thread safety: all methods on the worker's thread, except post-based ones as
// noted. Ownership: created by Server; outlives its connections.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/settings.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/compress/compress_pool.hpp"
#include "runtime/compress/encoder.hpp"
#include "runtime/compress/stream_resources.hpp"
#include "runtime/gate/gate.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/policy_store.hpp"
#include "runtime/proxy/buffer.hpp"
#include "runtime/proxy/coding_memo.hpp"
#include "runtime/proxy/compression_tally.hpp"
#include "runtime/proxy/deadline_wheel.hpp"
#include "runtime/proxy/failure_log.hpp"
#include "runtime/proxy/pattern_watch.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/serving_config.hpp"
#include "runtime/proxy/upstream_pool.hpp"
#include "runtime/telemetry/access_log.hpp"
#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::tier {
class SharedRates;
class Tier;
class WorkerTier;
}  // namespace homeostat::tier

namespace homeostat::proxy {

class ClientConnection;
class FetchTask;
class UpstreamCall;
class Listener;

/// What all workers share. References outlive the Server.
struct Services {
  const Clock& clock;
  const PolicyStore& policies;
  cache::Cache& cache;
  gate::Gate& gate;
  telemetry::Telemetry& telemetry;
  telemetry::AccessLog& access_log;
  compress::CompressPool& compress_pool;
  compress::StreamResources& streams;
  std::size_t connections_max;  ///< of clients, by what the process may open
  unsigned workers;             ///< how many there are
  tier::Tier* tier = nullptr;   ///< null: no tier is shared
};

/// What became of the fetch after a write (write_through.hpp).
enum class WriteThroughResult : std::uint8_t {
  stored,
  uncacheable,  ///< or an error of the application
  failed,       ///< no answer, or no room for it at the gate
  late,         ///< the write was answered before it had ended
};
inline constexpr std::size_t write_through_result_count = 4;
[[nodiscard]] const char* to_string(WriteThroughResult result) noexcept;

/// Counters of the client side, all workers together.
struct ServerCounters {
  std::array<std::atomic<std::uint64_t>, write_through_result_count> writes_through{};
  void count(WriteThroughResult result) noexcept {
    writes_through[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
  }
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0}, bad_requests{0}, header_timeouts{0},
      body_timeouts{0}, write_timeouts{0}, aborted_responses{0}, upgrades{0},
      fill_readers_cut_off{0}, fill_readers_detached{0}, deadlines_missed{0},
      deadline_fields_invalid{0}, accept_failures{0}, memory_refusals{0}, idle_closed{0},
      fields_dropped{0};
};

class Worker {
 public:
  Worker(unsigned index, const Services& services, ServerCounters& counters,
         PatternMemories& memories, std::shared_ptr<const config::Settings> settings,
         std::shared_ptr<UpstreamSet> upstream, const std::string& instance);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes a listening descriptor. Before run().
  void listen(int descriptor);
  /// Runs the event loop until it has nothing left or is stopped.
  void run();

  // -- any thread -------------------------------------------------------------
  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  /// Uses new settings for new requests.
  void reload(std::shared_ptr<const config::Settings> settings,
              std::shared_ptr<UpstreamSet> upstream);
  /// Stops accepting; closes idle connections, but who was busy until now may send one
  /// more request; lets requests finish.
  void drain();
  /// Closes everything at once.
  void stop();

  // -- worker's thread --------------------------------------------------------
  [[nodiscard]] Instant now() const noexcept { return services_.clock.now(); }
  [[nodiscard]] WallTime wall_now() const noexcept { return services_.clock.wall_now(); }
  [[nodiscard]] const Ref<ServingConfig>& config() const noexcept { return config_; }
  [[nodiscard]] const http::ParseLimits& response_limits() const noexcept {
    return config_->response_limits();
  }
  [[nodiscard]] const Policy& policy() { return policy_.get(); }
  /// Hands a changed policy to the gate; once per event is enough.
  void refresh_policy();
  [[nodiscard]] cache::Worker& cache() noexcept { return cache_; }
  /// Null without one.
  [[nodiscard]] tier::WorkerTier* tier() noexcept { return tier_.get(); }
  /// Null without a tier.
  [[nodiscard]] tier::SharedRates* shared_rates() noexcept { return shared_rates_.get(); }
  [[nodiscard]] gate::WorkerGate& gate() noexcept { return gate_; }
  [[nodiscard]] telemetry::WorkerTelemetry& telemetry() noexcept { return telemetry_; }
  [[nodiscard]] const Services& services() const noexcept { return services_; }
  [[nodiscard]] ServerCounters& counters() noexcept { return counters_; }
  [[nodiscard]] PatternWatch& patterns() noexcept { return patterns_; }
  [[nodiscard]] UpstreamPool& upstream() noexcept { return upstream_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  /// Whether this worker's share of server.request_memory has room for so much more of a
  /// head. The last eighth of it is for heads alone, so that what is stored, and probes, are
  /// answered whatever bodies and streams hold.
  [[nodiscard]] bool has_head_memory(std::size_t bytes) const noexcept {
    return buffers_.lent() + bytes <= memory_share();
  }
  /// The same for anything else.
  [[nodiscard]] bool has_body_memory(std::size_t bytes) const noexcept {
    return buffers_.lent() + bytes <= memory_share() / 8 * 7;
  }
  [[nodiscard]] DeadlineWheel& wheel() noexcept { return wheel_; }
  [[nodiscard]] compress::EncoderPool& encoders() noexcept { return encoders_; }
  [[nodiscard]] CompressionTally& compression() noexcept { return compression_; }
  [[nodiscard]] http::ForwardingMemo& forwarding() noexcept { return forwarding_; }
  /// What the request's Accept-Encoding means. Valid until the next call.
  [[nodiscard]] const http::CodingWishes& wishes(const http::HeaderTable& request) {
    return coding_memo_.of(request);
  }
  /// True for one call in use_sample, at random: whoever counts these only
  /// counts cheaply and misses no regular pattern.
  static constexpr unsigned use_sample = 64;
  [[nodiscard]] bool sample_use() noexcept { return (next_random() >> 58U) == 0; }
  /// In [0, 1).
  [[nodiscard]] double random_unit() noexcept {
    return static_cast<double>(next_random() >> 11U) * 0x1.0p-53;
  }
  /// What a client is told when no breaker lets its request through. Counts it.
  [[nodiscard]] gate::Rejection breaker_rejection(rules::EndpointId endpoint,
                                                  std::uint8_t priority_class);
  [[nodiscard]] FailureLog& failure_log() noexcept { return failure_log_; }
  [[nodiscard]] std::string_view date() { return date_.text(wall_now()); }
  [[nodiscard]] std::uint32_t next_turn() noexcept { return turn_++; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// Pseudonym in Via; unique to this process, so that loops are seen.
  [[nodiscard]] const std::string& pseudonym() const noexcept { return pseudonym_; }
  /// Scratch for heads that are written at once.
  [[nodiscard]] std::string& scratch() noexcept { return scratch_; }

  [[nodiscard]] Ref<RequestContext> lend_request();
  void take_back(Ref<RequestContext> request);

  /// Adopts a connected client.
  void accepted(int descriptor, int family, std::string client_address);
  void remember(ClientConnection& connection) { connections_.insert(&connection); }
  void forget(ClientConnection& connection) noexcept;
  /// A client's socket was closed.
  void place_free() noexcept { counters_.connections.fetch_sub(1, std::memory_order_relaxed); }
  /// Keeps a fetch alive until it is released.
  void adopt_fetch(Ref<FetchTask> task);
  void release_fetch(FetchTask& task);
  /// The same for a call whose client has gone.
  void adopt_call(Ref<UpstreamCall> call);
  void release_call(UpstreamCall& call);

 private:
  [[nodiscard]] std::size_t memory_share() const noexcept {
    constexpr std::size_t least = 4 * BufferPool::body_size;
    return std::max(config_->server().request_memory / services_.workers, least);
  }
  [[nodiscard]] bool close_idle_clients();
  void cancel_abandoned();
  void close_everything();
  void last_client_left();
  void end_tier();
  void stop_tier();
  [[nodiscard]] std::shared_ptr<tier::SharedRates> make_shared_rates();
  std::uint64_t next_random() noexcept {
    sample_ = sample_ * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth, MMIX
    return sample_;
  }

  static constexpr std::size_t idle_requests_max = 64;

  Services services_;
  ServerCounters& counters_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<Executor> work_;
  BufferPool buffers_;
  DeadlineWheel wheel_;
  Ref<ServingConfig> config_;
  PolicyReader policy_;
  std::uint64_t applied_policy_ = 0;
  cache::Worker cache_;
  gate::WorkerGate& gate_;
  telemetry::WorkerTelemetry& telemetry_;
  PatternWatch patterns_;
  std::shared_ptr<tier::WorkerTier> tier_;
  std::shared_ptr<tier::SharedRates> shared_rates_;
  UpstreamPool upstream_;
  compress::EncoderPool encoders_;
  CompressionTally compression_;
  CodingMemo coding_memo_;
  std::uint64_t sample_;
  http::DateCache date_;
  std::string pseudonym_;
  http::ForwardingMemo forwarding_;
  FailureLog failure_log_;
  std::string scratch_;
  std::uint32_t turn_ = 0;
  bool draining_ = false;
  Instant idle_search_{};  ///< not before: there was nobody
  std::vector<Ref<RequestContext>> idle_requests_;
  std::unordered_set<ClientConnection*> connections_;
  std::unordered_map<FetchTask*, Ref<FetchTask>> fetches_;
  std::unordered_map<UpstreamCall*, Ref<UpstreamCall>> abandoned_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace homeostat::proxy
