// The data plane as a whole: listening sockets, upstream set, worker threads.
//
// Lifecycle: construct (resolves upstreams, may throw std::runtime_error),
// start (binds; value-typed error), then drain and/or stop, then destroy.
// Thread safety: start, reload, drain, stop from one control thread; getters
// from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.hpp"
#include "runtime/proxy/socket_file.hpp"
#include "runtime/proxy/upstream_target.hpp"
#include "runtime/proxy/warm_fetch.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

class Server {
 public:
  Server(std::shared_ptr<const config::Settings> settings, unsigned workers,
         const Services& services);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds every address and starts the workers. Empty string on success.
  [[nodiscard]] std::string start();
  /// What start() bound, with real ports.
  [[nodiscard]] const std::vector<config::Address>& bound() const noexcept { return bound_; }

  /// Uses new settings for new requests; asks nobody for a name. Where `unknown` comes back
  /// with new names, the upstream stays as it is until adopt_upstream. Not empty: why nothing
  /// has changed.
  [[nodiscard]] std::string reload(std::shared_ptr<const config::Settings> settings,
                                   std::vector<config::Address>& unknown);
  /// The upstream of the last reload, all of whose unknown names are in `found`.
  void adopt_upstream(const FoundAddresses& found);

  /// Fetches a URL into the cache in a worker of its choice. `ended` runs on that worker's
  /// thread, or never, if the worker ends before.
  void warm(WarmUrl url, std::function<void(WarmResult)> ended);

  /// Stops accepting and lets requests finish.
  void drain();
  [[nodiscard]] bool drained() const noexcept { return running_.load() == 0; }
  /// Calls `done` (from a worker thread) when the last worker has ended.
  void on_ended(std::function<void()> done) { ended_ = std::move(done); }
  /// Closes everything and joins the workers.
  void stop();

  [[nodiscard]] std::shared_ptr<UpstreamSet> upstream() const;
  /// What the workers counted about compression, by coding.
  [[nodiscard]] CompressionFigures compression() const;
  /// How clients use endpoints, all workers together.
  [[nodiscard]] std::vector<RequestPatterns> patterns() const;
  [[nodiscard]] const ServerCounters& counters() const noexcept { return counters_; }

 private:
  void run(Worker& worker, unsigned index);
  /// The gate admits no more than can be sent.
  void bound_connections(const config::UpstreamSettings& settings) const;
  [[nodiscard]] std::shared_ptr<UpstreamSet> next_upstream(const config::UpstreamSettings& settings,
                                                           const FoundAddresses& found) const;
  void use(const std::shared_ptr<UpstreamSet>& upstream);

  std::shared_ptr<const config::Settings> settings_;
  Services services_;
  ServerCounters counters_;
  PatternMemories memories_;
  mutable std::mutex mutex_;
  std::shared_ptr<UpstreamSet> upstream_;  // guarded by mutex_
  std::vector<config::Address> bound_;
  std::vector<SocketFile> socket_files_;  // removed by drain() or stop()
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> running_{0};
  std::function<void()> ended_;
  std::size_t turn_ = 0;  // whose worker warms next
};

}  // namespace homeostat::proxy
