// The shared tier as one worker uses it: reads before the origin is asked, writes
// after it has answered.
//
// A read costs at most its budget (rules/laws/remote_store.hpp), two round trips where the
// response varies. It is not made at all while Redis is not up or refuses reads for now
// (LOADING and the like), takes longer than the origin, or this agent has had no news of
// invalidations. A write never delays a
// response: bodies are compressed in the background and sent when that is done; what
// cannot be sent at once is not stored.
//
// What was not found may be fetched under a lease (rules/laws/lease_length.hpp): then other agents
// wait for it, bounded by the lease. Without Redis there is no lease and nobody waits.
//
// Thread safety: none; one worker's thread, its event loop's. Ownership: shared with
// nobody but what it has posted; outlived by the Tier.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/settings/redis.hpp"
#include "rules/laws/remote_store.hpp"
#include "runtime/cache/fields.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/vary.hpp"
#include "runtime/compress/compress_pool.hpp"
#include "runtime/ports/policy.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/entry.hpp"
#include "runtime/tier/figures.hpp"
#include "runtime/tier/fill_lease.hpp"
#include "runtime/tier/fill_news.hpp"
#include "runtime/tier/ledger.hpp"

namespace homeostat::tier {

class WorkerTier : public std::enable_shared_from_this<WorkerTier> {
 public:
  /// What all workers share; references outlive them.
  struct Shared {
    const Clock& clock;
    const config::RedisSettings& settings;
    Ledger& ledger;
    TierCounters& counters;
    redis::CallCounters& calls;
    compress::CompressPool& pool;
    std::shared_ptr<redis::TlsContext> tls;
    FillNews& news;
    const std::string& fill_stream;  ///< where it is told what became of leased fills
  };
  WorkerTier(boost::asio::io_context& context, const Shared& shared, std::uint64_t seed);

  void start() { client_->start(); }
  void stop() noexcept;
  /// For what else is asked of Redis on the worker's loop.
  [[nodiscard]] redis::Client& client() noexcept { return *client_; }
  /// False: a read would not be made now, whatever it is for.
  [[nodiscard]] bool ready() const;

  /// What a read found: an intact entry of that key, decoded, for a request with
  /// these fields. Whether it may be used is the caller's to say; he counts it. `key` is
  /// where it was looked for in the end; empty if Redis did not answer.
  using Found = std::function<void(std::optional<Entry>, const std::string& key)>;
  /// False: nobody was asked, `found` will not run. `fields` must stay valid until
  /// then.
  [[nodiscard]] bool read(const cache::PrimaryKey& key, const cache::Fields& fields,
                          EndpointId endpoint, Found found);

  enum class LeaseEnd : std::uint8_t {
    granted,  ///< fetch it, for all
    filled,   ///< somebody else has: read again
    alone,    ///< fetch it, for this agent
  };
  using Leased = std::function<void(LeaseEnd end, FillLease lease)>;
  /// Inside `found` of a read of `key` that brought nothing (`absent`) or nothing usable. Waits
  /// while another agent fetches it, no longer than its lease, nor beyond `latest`; Redis has what
  /// is left of the read's budget to say which. False: fetch it at once, `leased` will not run.
  [[nodiscard]] bool lease(const std::string& key, bool absent, EndpointId endpoint,
                           std::optional<Instant> latest, Leased leased);
  /// Ends a lease; whoever waits for it is told.
  void end_lease(const LeaseTerms& terms, FillNewsKind kind);

  /// Counts what became of an entry that was found.
  void count(ReadOutcome outcome) noexcept { shared_.counters.count(outcome); }
  [[nodiscard]] bool usable(const Subject& subject, const Entry& entry) const {
    return shared_.ledger.usable(subject, entry.since);
  }
  /// Clocks of a fleet may differ by this much; an entry from further in the future is not
  /// believed.
  static constexpr std::chrono::seconds clock_skew_max{5};
  /// For entries that will be written: take it before the origin is asked.
  [[nodiscard]] std::optional<LogPosition> stamp() const {
    return shared_.ledger.stamp(shared_.clock.now());
  }
  /// Whether something that the origin's gate would turn away now may be here: for an endpoint
  /// of which hardly anything is, a rejection is not to cost a read.
  [[nodiscard]] bool may_spare_rejection(EndpointId endpoint) {
    return ready() && governor_.worth_a_rejection(of(endpoint).hits, shared_.clock.now());
  }
  /// Whether a read of an endpoint's response brought one.
  void note_read(EndpointId endpoint, bool brought) { of(endpoint).hits.add(brought); }
  /// What the origin took for an endpoint's response.
  void origin_answered(EndpointId endpoint, Duration took) { of(endpoint).origin.add(took); }

  struct Writing {
    std::uint64_t query_shape = 0;  ///< Entry::query_shape
    cache::PrimaryKey key;
    std::string_view path;  ///< of the request: what patterns are compared with
    std::optional<LogPosition> since;
    cache::ObjectPtr object;
    cache::VarySpecPtr spec;  ///< null: the response does not vary
    std::string variant;
    Duration cost{};
    LeaseTerms lease;               ///< under which it was fetched, if any; ended here
    std::function<void()> written;  ///< runs once Redis has answered, or will not; may be empty
  };
  void write(const Writing& writing);
  /// What is stored under a key is out of date; so is the variant, with `spec`.
  void remove(const cache::PrimaryKey& key, const cache::VarySpec* spec, std::string_view variant);
  /// The same where only Redis knows which variant a request with these fields gets. `done`:
  /// they are not needed any more.
  void remove(const cache::PrimaryKey& key, const cache::Fields& fields,
              std::function<void()> done);

 private:
  static constexpr std::size_t endpoints_max = 4096;  ///< further ones share the last place
  static constexpr std::chrono::milliseconds lifetime_min{500};    ///< not worth a write below
  static constexpr std::size_t unsent_max = std::size_t{1} << 20;  ///< none is made beyond
  /// Whether it serves again is asked this often while it refuses reads.
  static constexpr std::chrono::milliseconds probe_interval{200};

  struct Read {
    cache::PrimaryKey key;
    const cache::Fields* fields = nullptr;
    Instant began{}, until{};
    Found found;
    std::string last_key;
    bool of_variant = false;
  };
  using ReadPtr = std::shared_ptr<Read>;

  /// What is known of an endpoint.
  struct Experience {
    rules::LatencyEstimate origin;
    rules::HitShare hits;
  };
  [[nodiscard]] Experience& of(EndpointId endpoint);
  [[nodiscard]] bool serves() const { return client_->up() && !serving_.open(); }

  // Reads: worker_read.cpp.
  [[nodiscard]] redis::CallError get(const ReadPtr& read, const std::string& key);
  void learn(const std::string& key, Duration budget);
  void note(const std::string& key, const redis::CallResult& result, Instant made,
            Duration budget);
  void answered(const ReadPtr& read, const std::string& key, redis::CallResult result);
  void follow_variants(const ReadPtr& read, const Entry& marker);
  void fail(const ReadPtr& read, ReadOutcome outcome);
  [[nodiscard]] bool decode_body(Entry& entry) const;
  void judge(const std::string& key, const redis::CallResult& result, Instant made);
  void probe_later();
  void probe();

  /// A write on its way.
  struct Pending {
    Entry entry;
    bool varies = false;
    std::string primary;
    LeaseTerms lease;
    std::uint64_t alive_from = 0;  ///< Ledger::alive_from
    std::uint64_t ticket = 0;      ///< of Writing::written, which must not leave this thread
  };
  void finish_write(Pending pending);
  void compress(Pending pending, const cache::ObjectPtr& object);
  [[nodiscard]] bool refuse_write(const Writing& writing);
  [[nodiscard]] std::optional<std::uint64_t> alive_from(const Writing& writing,
                                                        const Entry& entry) const;
  [[nodiscard]] Entry make_entry(const Writing& writing) const;
  [[nodiscard]] bool compressible(const cache::Object& object) const;
  void set(const Pending& pending);
  void drop(const Pending& pending);
  void settle(std::uint64_t ticket);

  // Leases: worker_lease.cpp.
  struct Attempt;
  using AttemptPtr = std::shared_ptr<Attempt>;
  void acquired(const AttemptPtr& attempt, const redis::CallResult& result);
  void told(const AttemptPtr& attempt, FillNewsKind kind);
  void finish(const AttemptPtr& attempt, LeaseOutcome outcome);
  void tell(const std::string& entry_key, FillNewsKind kind);
  [[nodiscard]] std::string make_token() noexcept;

  void unlink(const std::string& key);
  [[nodiscard]] Duration write_max() const noexcept;

  boost::asio::io_context& context_;
  const Shared shared_;
  std::unique_ptr<redis::Client> client_;
  rules::ReadGovernor governor_;
  rules::StoreBreaker serving_;  // of reads that are answered, but refused for now
  redis::Timer probe_timer_;
  std::string probe_key_;  ///< of the latest read while it refuses them
  std::vector<Experience> endpoints_;
  std::unordered_set<AttemptPtr> attempts_;  // at leases
  Instant read_until_{};                     // of the read whose `found` runs
  std::unordered_map<std::uint64_t, std::function<void()>> written_;  // by ticket
  std::uint64_t tickets_ = 0;
  std::uint64_t random_;
};

}  // namespace homeostat::tier
