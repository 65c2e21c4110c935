// The writing end of a fill. See fill.hpp.
//
// Thread safety: belongs to the worker that began the fill. Destroying an
// unfinished leader fails the fill (`upstream_failed`).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/cache/body_hash.hpp"
#include "runtime/cache/fill.hpp"
#include "runtime/cache/response_rules.hpp"

namespace homeostat::cache {

class Worker;

class FillLeader {
 public:
  /// `began` is when the request that needs it came.
  FillLeader(Worker& worker, FillPtr fill, ObjectPtr stale, Instant began);
  ~FillLeader();
  FillLeader(FillLeader&&) noexcept;
  FillLeader& operator=(FillLeader&&) = delete;

  /// A reader for the leader's own client (or background readers).
  [[nodiscard]] FillReader reader() const { return FillReader(fill_); }
  /// The stale response to validate, if any (same as Lookup::object).
  [[nodiscard]] const ObjectPtr& stale() const noexcept { return stale_; }

  /// REQUIRES: state waiting, decision.storable(). `request` is the leader's.
  /// A known length above a bound makes the fill stream without storing.
  /// Returns false if the fill will not be stored (Cache-Status `stored`).
  bool publish_head(StoreDecision decision, std::optional<std::uint64_t> content_length,
                    const Fields& request, Instant now);
  /// Room for the next body bytes inside the fill's own memory: read from the
  /// socket into it, then commit what arrived. Empty only when the announced
  /// length is there: with a known length it never reaches beyond the body.
  [[nodiscard]] std::span<char> prepare();
  void commit(std::size_t bytes, Instant now);
  /// Copies; same as prepare + commit.
  void append(std::string_view bytes, Instant now);

  /// The body ended as announced. Stores the object unless it was
  /// invalidated meanwhile, is too large, or the policy declines; returns why
  /// not, or Reason::none. A body shorter than content_length is `truncated`
  /// and fails the fill.
  Reason complete(Instant now);
  /// What came of it, whether or not it was stored here; null before it is complete.
  [[nodiscard]] ObjectPtr object() const;
  /// How it depends on the request, once published; null: not at all.
  [[nodiscard]] const VarySpecPtr& spec() const noexcept { return fill_->spec_; }
  [[nodiscard]] const std::string& variant() const noexcept { return fill_->variant_; }
  /// 304: the stale object, refreshed by `head`, is stored and answers every
  /// reader that accepts it. `refreshed` comes from refreshed_head().
  void complete_refreshed(RefreshedHead refreshed, const Fields& request, Instant now);
  /// Forgets the stale response, also in the table: a 304 that refreshed_head()
  /// refused. Ask again without validators, with this same leader.
  void drop_stale();
  /// Readers see what was delivered, then `failed`. Nothing is stored.
  void fail(Reason reason);
  /// REQUIRES: state waiting. Followers go upstream themselves; the key is
  /// remembered as hit-for-miss for negative_ttl. The stale response is dropped,
  /// except for Reason::status: an error may still be bridged by it.
  void uncacheable(Reason reason, Instant now);
  /// REQUIRES: state waiting. Followers go upstream themselves, and nothing else
  /// changes: the response was not what this fill is for.
  void abandon(Reason reason);
  /// The same for a range whose whole response is too much to fetch: ranges of
  /// this key pass through for `range_pass`.
  void abandon_range(Instant now);
  static constexpr std::chrono::seconds range_pass{60};

  /// Bytes the slowest reader still has to consume; only meaningful, and only
  /// to be limited, when !storing().
  [[nodiscard]] std::uint64_t backlog() const;
  [[nodiscard]] bool storing() const;
  /// Readers attached now. 0 and !storing(): nobody wants the rest.
  [[nodiscard]] std::size_t readers() const;
  /// Posts `callback` once when backlog() falls to `low_water` or below, the
  /// last reader left, or at once if that is so already.
  void wait_drained(std::uint64_t low_water, boost::asio::any_io_executor executor,
                    FillWaiter::Callback callback);
  void cancel_wait() noexcept;
  /// Cuts off the readers that are more than `lag_max` bytes behind while
  /// another one has consumed everything. REQUIRES: !storing().
  void cut_off_laggards(std::uint64_t lag_max);

  /// What fetching it took, where somebody else did.
  void set_cost(Duration cost, Instant now) noexcept { began_ = std::min(began_, now - cost); }
  [[nodiscard]] Instant began() const noexcept { return began_; }
  /// What is stored was fetched before it had to be (refresh ahead).
  void set_ahead() noexcept { ahead_ = true; }
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  void spread_expiry(ObjectHead& head) const;
  void detach(bool mark_uncacheable, Instant now);
  /// What it brings is for the leader alone: nobody joins any more, nor, for a while,
  /// the key's next fills.
  void stand_alone(Instant now);
  /// Takes note of the response's No-Vary-Search. Before it is published.
  void judge_search(const ObjectHead& head);
  Reason store(const ObjectPtr& object, const VarySpecPtr& spec, std::string_view variant,
               Instant now);
  void finish(FillState state, Reason reason);

  Worker* worker_;
  FillPtr fill_;
  ObjectPtr stale_;
  FillWaiter waiter_;
  /// To be learned once the response is stored.
  std::optional<http::SearchVariance> search_;
  bool exact_only_ = false;
  std::unique_ptr<BodyHash> hash_;  // while the body is stored and gets an ETag of it
  Instant began_;
  bool ahead_ = false;
  bool done_ = false;
};

}  // namespace homeostat::cache
