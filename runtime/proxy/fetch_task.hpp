// The leader of a fill: fetches (or validates) a response for the cache,
// independent of the client that caused it.
//
// If the response turns out uncacheable, the call goes to the client that began
// it (which streams it directly) and the followers make their own requests.
// A refresh has no client: nobody waits for it, what it brings replaces the
// stored response, and when it fails the stored one stays.
// The tier that the fleet shares is asked first, where there is one: what it has is
// judged as if the origin had just sent it, and the origin is left alone. What the origin
// sends is written there, once it is complete; meanwhile other agents that want the same
// may wait for it. See shared_fetch.cpp.
// What came of every fetch from the origin is reported once to the refresh control.
// Thread safety: none; one worker. Ownership: kept by its worker until done.
#pragma once

#include <functional>
#include <optional>

#include "runtime/cache/fill_leader.hpp"
#include "runtime/proxy/deadline_wheel.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/upstream_head.hpp"
#include "runtime/tier/entry.hpp"
#include "runtime/tier/figures.hpp"
#include "runtime/tier/worker_tier.hpp"

namespace homeostat::proxy {

class FillExchange;

class FetchTask final : public RefCounted, public Deadline, private UpstreamSink {
 public:
  FetchTask(Worker& worker, cache::FillLeader leader, Ref<RequestContext> request,
            const cache::RequestDecision& decision, std::string client_address);

  void start(FillExchange& client);
  /// REQUIRES: RefreshControl::begin granted it.
  void start_refresh(cache::RefreshKind kind);
  /// For nobody's request (warm_fetch.hpp): what it brings is stored, and `ended` is told.
  using Ended = std::function<void(cache::RefreshResult result)>;
  void start_unasked(Ended ended);
  /// The client that began it is gone; the fetch goes on for the others.
  void forget_client() noexcept { client_ = nullptr; }
  void cancel();
  /// Waits for a permit.
  [[nodiscard]] bool queued() const noexcept { return call_ && call_->queued(); }
  /// Cancels it if no client waits for it.
  void cancel_if_unwanted();
  /// The slowest readers held up the others for cache.follower_lag_max.
  void on_deadline() override;

 private:
  static constexpr std::uint64_t backlog_high = 512 * 1024;  ///< pause reading above
  static constexpr std::uint64_t backlog_low = 128 * 1024;

  // UpstreamSink
  [[nodiscard]] bool upstream_wanted() override;
  void on_upstream_rejected(const gate::Rejection& rejection) override;
  void on_upstream_wants_body() override;
  void on_upstream_body_drained() override {}
  void on_upstream_interim(const http::ResponseHead& head) override;
  void on_upstream_head(const http::ResponseHead& head) override;
  void on_upstream_data() override;
  void on_upstream_failure(const UpstreamFailure& failure) override;

  void not_modified(const cache::Response& response, const http::ResponseHead& head);
  void note_refetch(const cache::Object* now);
  void uncacheable(cache::Reason reason, const http::ResponseHead& head);
  void begin(UpstreamPurpose purpose);
  void ask_origin();
  // The shared tier: shared_fetch.cpp.
  [[nodiscard]] bool ask_tier();
  void tier_answered(std::optional<tier::Entry> entry, const std::string& key);
  [[nodiscard]] bool read_tier();
  [[nodiscard]] bool lease_fill(const std::string& key, bool absent);
  void leased(tier::WorkerTier::LeaseEnd end, tier::FillLease lease);
  [[nodiscard]] bool wanted() const;
  [[nodiscard]] tier::ReadOutcome take_shared(const tier::Entry& entry);
  [[nodiscard]] std::uint64_t query_shape() const;
  void note_origin_latency(std::uint16_t status);
  void share();
  void unshare();
  [[nodiscard]] bool concerns_client_alone(const cache::FetchEnd& end,
                                           const cache::StoreDecision& decision, int status) const;
  void leave_to_client(const http::ResponseHead& head, cache::Reason reason);
  void end_stored(cache::Reason reason);
  [[nodiscard]] bool keep_stored(const cache::FetchEnd& end) const;
  void report(const cache::FetchEnd& end);
  void fail(cache::Reason reason, cache::RefreshResult result);
  void hand_to_client(const http::ResponseHead& head, cache::Reason reason);
  [[nodiscard]] bool fills_range(const cache::StoreDecision& decision,
                                 const cache::Response& response) const;
  [[nodiscard]] bool outdates_stored(const cache::StoreDecision& decision,
                                     const cache::Response& response) const;
  void pause();
  void arm_lag();
  void done();

  Worker& worker_;
  cache::FillLeader leader_;
  Ref<RequestContext> request_;
  cache::Request asked_;  ///< request_'s; GET where that is HEAD, which nothing is fetched for
  const cache::RequestDecision decision_;
  const cache::ObjectPtr stored_;  ///< what is to be replaced, or null
  std::string client_address_;
  FillExchange* client_ = nullptr;
  Ref<UpstreamCall> call_;
  Instant requested_{};
  UpstreamPurpose purpose_ = UpstreamPurpose::fill;
  cache::PrimaryKey shared_key_;                   ///< with a tier
  std::optional<tier::LogPosition> shared_since_;  ///< before anybody was asked
  tier::FillLease lease_;                          ///< to fetch for the whole fleet
  bool lease_asked_ = false;
  Ended ended_;                                ///< empty: somebody asked for it, or it has ended
  std::optional<cache::RefreshKind> refresh_;  ///< set until its end is told
  cache::RefreshResult result_ = cache::RefreshResult::dropped;
};

}  // namespace homeostat::proxy
