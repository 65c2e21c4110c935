#include "runtime/proxy/server.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <random>
#include <stdexcept>
#include <utility>

#include "runtime/proxy/listener.hpp"

namespace homeostat::proxy {
namespace {

/// Tells agents apart in Via, so that only a real loop is seen as one.
std::string instance_name() {
  std::random_device device;
  constexpr char digits[] = "0123456789abcdef";
  std::string name;
  for (int i = 0; i < 8; ++i) name += digits[device() % 16];
  return name;
}

}  // namespace

Server::Server(std::shared_ptr<const config::Settings> settings, unsigned workers,
               const Services& services)
    : settings_(std::move(settings)),
      services_(services),
      upstream_(std::make_shared<UpstreamSet>(
          settings_->upstream, services_.telemetry.endpoints().id_space(), services_.clock.now())) {
  bound_connections(settings_->upstream);
  const std::string instance = instance_name();
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, services_, counters_, memories_, settings_,
                                                upstream_, instance));
  }
}

std::shared_ptr<UpstreamSet> Server::next_upstream(const config::UpstreamSettings& settings,
                                                   const FoundAddresses& found) const {
  return std::make_shared<UpstreamSet>(settings, *upstream(), found,
                                       services_.telemetry.endpoints().id_space(),
                                       services_.clock.now());
}

void Server::use(const std::shared_ptr<UpstreamSet>& upstream) {
  bound_connections(upstream->settings());
  const std::lock_guard lock(mutex_);
  upstream_ = upstream;
}

void Server::bound_connections(const config::UpstreamSettings& settings) const {
  services_.gate.bound_connections(settings.targets.size() * settings.connections_max);
}

Server::~Server() { stop(); }

std::string Server::start() {
  for (const config::Address& wanted : settings_->listen) {
    config::Address address = wanted;
    std::string error;
    int shared = -1;
    for (const auto& worker : workers_) {
      config::Address bound;
      const bool share = shared >= 0 && !wanted.unix_path.empty();
      const ListenerRank rank = shared < 0 ? ListenerRank::first : ListenerRank::further;
      const int descriptor =
          share ? ::fcntl(shared, F_DUPFD_CLOEXEC, 0) : open_listener(address, rank, bound, error);
      if (descriptor < 0) return error.empty() ? "cannot listen" : error;
      if (shared < 0) {
        shared = descriptor;
        bound_.push_back(bound);
        address = bound;  // the others share the port the kernel chose
        if (!wanted.unix_path.empty()) socket_files_.emplace_back(wanted.unix_path);
      }
      worker->listen(descriptor);
    }
  }
  running_ = static_cast<unsigned>(workers_.size());
  for (unsigned i = 0; i < workers_.size(); ++i) {
    threads_.emplace_back([this, i] { run(*workers_[i], i); });
  }
  return {};
}

void Server::run(Worker& worker, unsigned index) {
  const std::string name = "worker-" + std::to_string(index);
  ::pthread_setname_np(::pthread_self(), name.c_str());
  worker.run();
  if (--running_ == 0 && ended_) ended_();
}

std::string Server::reload(std::shared_ptr<const config::Settings> settings,
                           std::vector<config::Address>& unknown) {
  std::shared_ptr<UpstreamSet> replacement;
  unknown = upstream()->unknown(settings->upstream);
  if (unknown.empty() && !(settings->upstream == upstream()->settings())) {
    try {
      replacement = next_upstream(settings->upstream, {});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    use(replacement);
  }
  settings_ = settings;
  for (const auto& worker : workers_) worker->reload(settings, replacement);
  return {};
}

void Server::adopt_upstream(const FoundAddresses& found) {
  const std::shared_ptr<UpstreamSet> replacement = next_upstream(settings_->upstream, found);
  use(replacement);
  for (const auto& worker : workers_) worker->reload(settings_, replacement);
}

CompressionFigures Server::compression() const {
  CompressionFigures figures;
  for (const auto& worker : workers_) worker->compression().add_to(figures);
  return figures;
}

void Server::warm(WarmUrl url, std::function<void(WarmResult)> ended) {
  Worker& worker = *workers_[turn_++ % workers_.size()];
  boost::asio::post(worker.context(),
                    [&worker, url = std::move(url), ended = std::move(ended)]() mutable {
                      warm_up(worker, url, std::move(ended));
                    });
}

std::vector<RequestPatterns> Server::patterns() const {
  std::vector<RequestPatterns> totals;
  for (const auto& worker : workers_) worker->patterns().add_to(totals);
  return totals;
}

void Server::drain() {
  socket_files_.clear();  // first, so that nobody comes behind the last accept
  for (const auto& worker : workers_) worker->drain();
}

void Server::stop() {
  for (const auto& worker : workers_) worker->stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
  socket_files_.clear();
}

std::shared_ptr<UpstreamSet> Server::upstream() const {
  const std::lock_guard lock(mutex_);
  return upstream_;
}

}  // namespace homeostat::proxy
