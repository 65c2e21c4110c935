#include "runtime/proxy/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/listener.hpp"
#include "runtime/proxy/upstream_call.hpp"
#include "runtime/tier/shared_rates.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::proxy {

Worker::Worker(unsigned index, const Services& services, ServerCounters& counters,
               PatternMemories& memories, std::shared_ptr<const config::Settings> settings,
               std::shared_ptr<UpstreamSet> upstream, const std::string& instance)
    : services_(services),
      counters_(counters),
      // Only this thread runs the loop and touches its sockets; others only post.
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(context_.get_executor()),
      wheel_(context_, services.clock),
      config_(make_ref<ServingConfig>(std::move(settings), services.gate)),
      policy_(services.policies),
      cache_(services.cache),
      gate_(services.gate.worker(index)),
      telemetry_(services.telemetry.worker(index)),
      patterns_(memories),
      tier_(services.tier != nullptr ? services.tier->make_worker(context_) : nullptr),
      shared_rates_(make_shared_rates()),
      upstream_(context_, wheel_, services.clock, std::move(upstream)),
      encoders_(services.streams.budget),
      sample_(index),
      pseudonym_("homeostat-" + instance) {
  gate_.attach(context_.get_executor());
}

std::shared_ptr<tier::SharedRates> Worker::make_shared_rates() {
  if (!tier_) return {};
  return services_.tier->make_rates(context_, *tier_,
                                    [this](std::uint64_t bucket, Duration until_full) {
                                      services_.gate.buckets().raise(bucket, until_full, now());
                                    });
}

Worker::~Worker() {
  gate_.drain();
  close_everything();
}

void Worker::listen(int descriptor) {
  listeners_.push_back(std::make_unique<Listener>(*this, descriptor));
}

void Worker::run() {
  for (const auto& listener : listeners_) listener->start();
  if (tier_) tier_->start();
  context_.run();
  // Completions of what was closed still hold references: let them run.
  close_everything();
}

void Worker::close_everything() {
  for (const auto& listener : listeners_) listener->close();
  while (!fetches_.empty()) {
    const Ref<FetchTask> task = fetches_.begin()->second;
    task->cancel();
  }
  cancel_abandoned();
  const std::vector<ClientConnection*> all(connections_.begin(), connections_.end());
  for (ClientConnection* connection : all) connection->close();
  upstream_.close_idle();
  stop_tier();
  context_.restart();
  context_.poll();
}

void Worker::refresh_policy() {
  const Policy& policy = policy_.get();
  if (policy.epoch == applied_policy_) return;
  applied_policy_ = policy.epoch;
  services_.gate.apply(policy.admission);
}

void Worker::reload(std::shared_ptr<const config::Settings> settings,
                    std::shared_ptr<UpstreamSet> upstream) {
  boost::asio::post(
      context_, [this, settings = std::move(settings), upstream = std::move(upstream)]() mutable {
        config_ = make_ref<ServingConfig>(std::move(settings), services_.gate);
        if (upstream) upstream_.replace(std::move(upstream));
        idle_requests_.clear();  // they were made for the old limits
      });
}

void Worker::drain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    for (const auto& listener : listeners_) listener->drain();
    const std::vector<ClientConnection*> all(connections_.begin(), connections_.end());
    for (ClientConnection* connection : all) connection->drain();
    upstream_.drain();
    if (connections_.empty()) last_client_left();
  });
}

void Worker::last_client_left() {
  work_.reset();
  // Fetches nobody waits for must not hold up the end. Posted: one of them may
  // be on the stack.
  boost::asio::post(context_, [this] {
    std::vector<Ref<FetchTask>> all;
    for (const auto& [key, task] : fetches_) all.push_back(task);
    for (const Ref<FetchTask>& task : all) task->cancel_if_unwanted();
    cancel_abandoned();
    end_tier();
  });
}

/// Nothing is read or written any more: other workers' clients may wait for a fetch of
/// this one, and the fetch for the tier.
void Worker::end_tier() {
  if (tier_ && draining_ && connections_.empty() && fetches_.empty()) stop_tier();
}

void Worker::stop_tier() {
  if (!tier_) return;
  shared_rates_->stop();
  tier_->stop();
}

void Worker::stop() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    gate_.drain();
    work_.reset();
    context_.stop();
  });
}

Ref<RequestContext> Worker::lend_request() {
  if (idle_requests_.empty()) return make_ref<RequestContext>(config_->request_limits());
  Ref<RequestContext> request = std::move(idle_requests_.back());
  idle_requests_.pop_back();
  return request;
}

void Worker::take_back(Ref<RequestContext> request) {
  if (!request || request->shared()) return;
  request->in.reset();
  request->clear();
  if (idle_requests_.size() >= idle_requests_max) return;
  request->parser.reset(config_->request_limits());
  idle_requests_.push_back(std::move(request));
}

void Worker::accepted(int descriptor, int family, std::string client_address) {
  const std::size_t open = counters_.connections.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::size_t most = std::min(config_->server().connections_max, services_.connections_max);
  if (open > most && !close_idle_clients()) {
    place_free();
    counters_.connections_refused.fetch_add(1, std::memory_order_relaxed);
    ::close(descriptor);
    return;
  }
  make_ref<ClientConnection>(*this, std::move(client_address))->start(descriptor, family);
}

/// A newcomer takes the place of whoever has asked for nothing for longest. Several go at
/// once: to find them costs a walk through all. False: nobody was idle.
bool Worker::close_idle_clients() {
  constexpr std::chrono::seconds idle_min{1};  // who has just been answered may ask again
  constexpr std::chrono::milliseconds pause{100};
  constexpr std::size_t most = 32;
  if (now() < idle_search_) return false;
  std::vector<ClientConnection*> idle;
  for (ClientConnection* connection : connections_) {
    if (connection->idle_since() <= now() - idle_min) idle.push_back(connection);
  }
  const auto last = idle.begin() + static_cast<std::ptrdiff_t>(std::min(idle.size(), most));
  std::partial_sort(idle.begin(), last, idle.end(),
                    [](const auto* a, const auto* b) { return a->idle_since() < b->idle_since(); });
  std::size_t closed = 0;
  for (auto one = idle.begin(); one != last; ++one) {
    if ((*one)->give_way()) ++closed;
  }
  if (closed == 0) idle_search_ = now() + pause;
  counters_.idle_closed.fetch_add(closed, std::memory_order_relaxed);
  return closed > 0;
}

void Worker::forget(ClientConnection& connection) noexcept {
  connections_.erase(&connection);
  if (draining_ && connections_.empty()) last_client_left();
}

gate::Rejection Worker::breaker_rejection(rules::EndpointId endpoint, std::uint8_t priority_class) {
  const UpstreamRefusal refusal = upstream_.set()->refusal(endpoint, now());
  gate::Rejection rejection;
  switch (refusal.cause) {
    case rules::BreakerCause::failures:
    case rules::BreakerCause::outlier:
      rejection.reason = gate::RejectReason::upstream_failing;
      break;
    case rules::BreakerCause::slowness: rejection.reason = gate::RejectReason::upstream_slow; break;
    default: rejection.reason = gate::RejectReason::upstream_silent;
  }
  rejection.retry_after = rules::retry_after(
      refusal.wait, config_->settings().admission.retry_after_min, random_unit());
  rejection.priority_class = rules::clamp_class(priority_class);
  gate_.upstream_refused(rejection.reason, priority_class);
  return rejection;
}

void Worker::adopt_fetch(Ref<FetchTask> task) {
  FetchTask* key = task.get();
  fetches_.emplace(key, std::move(task));
}

void Worker::release_fetch(FetchTask& task) {
  const auto found = fetches_.find(&task);
  if (found == fetches_.end()) return;
  const Ref<FetchTask> keep = std::move(found->second);
  fetches_.erase(found);
  if (draining_ && fetches_.empty()) boost::asio::post(context_, [this] { end_tier(); });
}

void Worker::adopt_call(Ref<UpstreamCall> call) {
  UpstreamCall* key = call.get();
  abandoned_.emplace(key, std::move(call));
}

void Worker::release_call(UpstreamCall& call) { abandoned_.erase(&call); }

void Worker::cancel_abandoned() {
  while (!abandoned_.empty()) {
    const Ref<UpstreamCall> call = abandoned_.begin()->second;
    call->cancel();
  }
}

}  // namespace homeostat::proxy
