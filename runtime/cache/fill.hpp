// One upstream response on its way to any number of clients and, if it may be
// stored, into the cache: request collapsing.
//
// The leader (the request that went upstream) publishes the head and appends
// the body; every reader, the leader's own client included, has a cursor and
// sends from the same blocks without copying. A reader that leaves changes
// nothing for the others; a client abort does not end the fill.
//
//   waiting -> streaming -> complete | failed
//   waiting -> uncacheable | failed | complete (304: from a stored object)
//
// A fill is either `storing` (all blocks stay until the end, bounded by
// object_bytes_max and the fill memory) or only streaming: then blocks every
// reader has consumed are dropped and the leader must pause while `backlog()`
// is high. A fill turns from storing to streaming by itself when it grows
// beyond a bound. Readers that hold up others for too long are cut off by the
// leader; their blocks stay until they leave.
//
// Thread safety: leader and readers may be on different threads; each handle
// belongs to one thread (that of its executor). Callbacks are posted to the
// executor given to `wait`, never run inside a call, and never run after
// cancel() or destruction of the handle. Lock: one short mutex per fill, only
// on the miss path. Timeouts are the caller's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/key.hpp"
#include "runtime/cache/memory_budget.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/reason.hpp"
#include "runtime/cache/tag_index.hpp"
#include "runtime/cache/vary.hpp"

namespace homeostat::cache {

class FillReader;
struct RequestDecision;

enum class FillState : std::uint8_t { waiting, streaming, complete, failed, uncacheable };

/// A pending callback of one handle. Belongs to the handle's thread; only the
/// ticket travels to whoever notifies. Internal to this room.
class FillWaiter {
 public:
  using Callback = std::function<void()>;
  struct Ticket {
    boost::asio::any_io_executor executor;
    std::function<void()> run;
  };
  FillWaiter() : shared_(std::make_shared<Shared>()) {}
  ~FillWaiter() { cancel(); }
  FillWaiter(FillWaiter&&) noexcept = default;
  FillWaiter& operator=(FillWaiter&& other) noexcept;

  /// Replaces what was armed before. Running the ticket on the executor calls
  /// `callback` unless it was cancelled or replaced meanwhile.
  [[nodiscard]] Ticket arm(boost::asio::any_io_executor executor, Callback callback);
  void cancel() noexcept;

 private:
  struct Shared {
    Callback callback;
    std::uint64_t generation = 0;
  };
  std::shared_ptr<Shared> shared_;
};

/// Shared state. Created by Cache; use the handles below.
class Fill final : public RefCounted<Fill> {
 public:
  /// What the fill answers; all keys are those of the primary unless said.
  struct Identity {
    PrimaryKey primary;
    /// With `search`: the key of the leader's own query, which `primary` is not.
    PrimaryKey exact;
    SearchRulePtr search;  ///< the No-Vary-Search rule `primary` was made with
    std::string key;       ///< key text requests join by: primary or variant
    std::uint64_t hash = 0;
    std::string host;
    std::string path;
    VarySpecPtr spec;    ///< spec `key` was made with; may be null
    bool keyed = false;  ///< the key holds more than method, URL and variant
    EndpointId endpoint = 0;
    PurgeNumber since = 0;    ///< the last purge when the fetch began
    std::uint64_t rules = 0;  ///< fingerprint of the rules it follows
  };
  Fill(Identity identity, MemoryBudget& budget, const TagIndex& tags,
       std::uint64_t object_bytes_max);
  ~Fill();

  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }

 private:
  friend class FillReader;
  friend class FillLeader;
  friend class Cache;
  friend class Shard;
  friend class Worker;

  struct ReaderEntry {
    std::uint64_t cursor = 0;
    FillState seen = FillState::waiting;
    bool cut_off = false;
    bool only_cut_off = false;  ///< `waiting` is for nothing else
    std::optional<FillWaiter::Ticket> waiting;
    bool same_query = true;  // as the leader's, and not only equivalent
  };
  using Tickets = std::vector<FillWaiter::Ticket>;

  /// What the response varies on, once its head is there; null: nothing, or not yet.
  [[nodiscard]] VarySpecPtr published_spec() const;
  // All under mutex_, except post(), which must be outside of it.
  [[nodiscard]] bool news(const ReaderEntry& reader) const;
  void collect_waiters(Tickets& out);
  void collect_drained(Tickets& out);
  static void post(Tickets& tickets);
  void stop_storing(Reason reason);
  void drop_consumed();
  [[nodiscard]] std::uint64_t slowest() const;
  void grow();
  [[nodiscard]] Body take_body() const;
  void finish(FillState state, Reason reason, Tickets& out);

  const Identity identity_;
  MemoryBudget& budget_;
  const TagIndex& tags_;
  const std::uint64_t object_bytes_max_;

  // Guarded by the shard's mutex.
  bool joinable_ = true;
  std::size_t place_ = 0;  // in the shard's list

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  FillState state_ = FillState::waiting;
  Reason reason_ = Reason::none;
  bool published_ = false;
  bool exact_only_ = false;  // the response does not confirm identity_.search
  bool storing_ = true;
  bool invalidated_ = false;
  ObjectHead head_;  // constant once state_ left `waiting`
  std::optional<std::uint64_t> content_length_;
  VarySpecPtr spec_;
  std::string variant_;
  std::deque<BodyPart> parts_;
  std::uint64_t base_ = 0;    // body offset of parts_.front()
  std::uint64_t size_ = 0;    // bytes received
  std::size_t reserved_ = 0;  // of budget_, for parts_
  std::vector<ReaderEntry*> readers_;
  std::uint64_t drain_below_ = 0;
  std::optional<FillWaiter::Ticket> drain_waiting_;
  ObjectPtr object_;  // the stored (or served) object, once complete
};
using FillPtr = Ref<Fill>;

/// Reads a fill from its start.
class FillReader {
 public:
  /// `same_query`: the reader's query has the same exact key as the leader's.
  explicit FillReader(FillPtr fill, bool same_query = true);
  ~FillReader();
  FillReader(FillReader&& other) noexcept = default;
  FillReader& operator=(FillReader&& other) noexcept;

  [[nodiscard]] FillState state();
  [[nodiscard]] Reason reason() const;
  /// Null while waiting. Stays valid as long as the reader.
  [[nodiscard]] const ObjectHead* head() const;
  /// True if the published response answers this request: Vary and
  /// No-Vary-Search fit, and no
  /// purge came between the start of the fetch and this reader. A follower must
  /// ask once the head is there, and look again or go upstream on false.
  [[nodiscard]] bool accepts(const Fields& request) const;
  /// Why that response may not answer it all the same: what must be validated before
  /// every use, or is older than the request wants, is for the leader alone. A follower
  /// must ask this, too, and go upstream for any reason but `none`.
  [[nodiscard]] Reason refusal(const RequestDecision& request, Instant now) const;
  /// True if that purge is why not: looking again gives a new fetch.
  [[nodiscard]] bool overtaken() const;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;
  /// Writes views of the body from the cursor on; returns how many. The views
  /// are valid until the bytes are consumed.
  [[nodiscard]] std::size_t gather(std::span<std::string_view> views) const;
  void consume(std::size_t bytes);
  [[nodiscard]] std::uint64_t consumed() const;
  /// Complete and everything consumed.
  [[nodiscard]] bool finished() const;
  /// The object of a complete fill, if there is one.
  [[nodiscard]] ObjectPtr object() const;

  /// Posts `callback` once to `executor` when there is something new since the
  /// last state() and consume(): a state change or more bytes. One at a time.
  void wait(boost::asio::any_io_executor executor, FillWaiter::Callback callback);
  /// Instead of wait(), while what was gathered is on its way: posts `callback`
  /// once if the leader cuts this reader off.
  void wait_cut_off(boost::asio::any_io_executor executor, FillWaiter::Callback callback);
  /// The others waited too long for this reader: it has to leave, soon.
  [[nodiscard]] bool cut_off() const;
  void cancel() noexcept;

 private:
  void leave() noexcept;
  void arm(bool only_cut_off, boost::asio::any_io_executor executor, FillWaiter::Callback callback);

  FillPtr fill_;
  PurgeNumber joined_;
  std::unique_ptr<Fill::ReaderEntry> entry_;
  FillWaiter waiter_;
};

}  // namespace homeostat::cache
