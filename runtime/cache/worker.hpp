// The cache as one data plane thread uses it.
//
//   const RequestDecision decision = cache.rules().decide(request);
//   Lookup found = worker.lookup(request, decision, now);
//   hit:    evaluate_preconditions, send found.object
//   stale:  begin_fill; as leader send the validators of found.object upstream;
//           304 -> leader.complete_refreshed(*refreshed_head(...)); else as a miss
//   miss:   begin_fill
//   bypass: pass through, detail = found.reason
// begin_fill gives:
//   leader:   go upstream, judge(), publish_head or uncacheable, ...
//   follower: reader.wait(); head(); accepts(fields) and refusal(decision) == none,
//             else look again or pass through
//   hit:      another request finished the fill meanwhile
//   pass:     go upstream without the cache (hit_for_miss, fill_memory, ...)
// only-if-cached: decision.only_if_cached and no hit -> 504, do not begin_fill.
//
// Thread safety: one worker object per thread. Lifetime: outlived by the
// Cache; outlives its FillLeaders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/cache.hpp"
#include "runtime/cache/fill_leader.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/cache/request.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::cache {

struct Lookup {
  enum class Kind : std::uint8_t {
    hit,    ///< fresh: `object` answers
    stale,  ///< `object` must be validated first, or may be served stale
    miss,
    bypass,  ///< the cache takes no part
  };
  Kind kind = Kind::miss;
  ObjectPtr object;      ///< hit and stale
  Duration age{};        ///< of object
  Duration remaining{};  ///< negative when stale
  Reason reason = Reason::none;
  bool vary_miss = false;    ///< the resource is stored, this variant is not
  bool by_request = false;   ///< the request's directives want validation, fresh or not
  bool refresh_due = false;  ///< hit: hot and about to expire; refresh it ahead
  PurgeNumber since = 0;     ///< the last purge in force when `object` was found
  std::uint64_t key = 0;     ///< KeyBuilder::built() if the fill's key is the same; 0: it is not
};

/// What a response has made out of date.
struct Outdated {
  std::vector<std::string> urls;        ///< http://host/path?query
  std::vector<std::string> identities;  ///< of tags, as tag_identity() makes them
  /// Where the fleet knows the URLs' responses by, as Cache::shared_locations() has it.
  std::vector<std::uint64_t> locations;
};

/// Where it is remembered that responses of a key cannot be stored.
struct PassMark {
  std::uint64_t location = 0;
  std::uint64_t hash = 0;
};

/// Who a fill is for.
enum class FillPurpose : std::uint8_t {
  request,  ///< a client that could not be answered from the cache
  refresh,  ///< nobody waits; it counts neither as a miss nor as collapsed
};

struct FillStart {
  enum class Kind : std::uint8_t { leader, follower, hit, pass };
  Kind kind = Kind::pass;
  std::optional<FillLeader> leader;
  std::optional<FillReader> follower;
  Lookup hit;
  Reason reason = Reason::none;  ///< pass: why
  PassMark mark;                 ///< pass for hit_for_miss: what renew_pass() and end_pass() take
};

class Worker {
 public:
  explicit Worker(Cache& cache);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Counts stale, miss or bypass; of a hit the caller knows whether it answers: count_hit().
  [[nodiscard]] Lookup lookup(const Request& request, const RequestDecision& decision, Instant now);
  /// After lookup() said miss or stale for the same request. `stale` is
  /// lookup's object or null. REQUIRES: decision.store.
  [[nodiscard]] FillStart begin_fill(const Request& request, const RequestDecision& decision,
                                     ObjectPtr stale, Instant now,
                                     FillPurpose purpose = FillPurpose::request);
  /// The same right after the lookup whose key it then need not build again.
  [[nodiscard]] FillStart begin_fill(const Request& request, const RequestDecision& decision,
                                     const Lookup& found, Instant now);

  /// Whether a response for the request may be stored: decide_store(), and what the keys of
  /// this cache add to it.
  [[nodiscard]] StoreDecision judge(const Request& request, const RequestDecision& decision,
                                    const Response& response, const EndpointPolicy& policy);

  /// A response that came for a key remembered as hit-for-miss could not be stored either: it
  /// is remembered for negative_ttl from now on, unless end_pass() came meanwhile. As long as
  /// such responses keep coming, no request waits for another one's.
  void renew_pass(const PassMark& mark, Instant now);
  /// It could have been stored after all: the next request leads a fill again.
  void end_pass(const PassMark& mark);

  /// After a non-error response to an unsafe method (RFC 9111 section 4.4):
  /// drops what is stored for the target, for Location and Content-Location of
  /// the same host, and what rules' invalidate_on names. Returns entries dropped.
  std::size_t invalidate_after(const Request& request, const Response& response,
                               const RequestRules& rules);
  /// What invalidate_after() would drop, for others who hold copies. They must know
  /// before it does, or what they hold could come back.
  [[nodiscard]] Outdated outdated_by(const Request& request, const Response& response,
                                     const RequestRules& rules);
  /// RFC 9111 section 4.3.5: a response to HEAD refreshes the stored GET it is
  /// about, or drops it if that is out of date. `stored` is lookup's object.
  /// False: it was out of date.
  bool learn_from_head(const Request& request, const RequestDecision& decision,
                       const ObjectPtr& stored, const Response& head, const EndpointPolicy& policy);
  /// Adds one URL of the request's host, for others who hold copies of it.
  void tell_url(Outdated& told, std::string_view host, std::string_view path,
                std::string_view query, const RequestRules& rules);
  /// The key under which the agents of a fleet share what answers the request; its
  /// hash and location are the same for all of them.
  [[nodiscard]] PrimaryKey shared_key(const Request& request, const RequestDecision& decision);
  /// Drops what carries a group of RFC 9875 of that origin, without a search.
  /// Returns how many entries did.
  std::size_t invalidate_group(std::string_view host, std::string_view group);
  /// For a request with an unsafe method: whether a fresh stored response to GET
  /// has a tag of this agent's that the If-Match lists. That response is given up
  /// at once, so that the next one with the same tag is refused.
  [[nodiscard]] bool claim_own_tag(const Request& request, const RequestRules& rules, Instant now);
  /// Drops everything stored for one URI, whatever the variant.
  std::size_t invalidate_uri(std::string_view host, std::string_view path, std::string_view query,
                             const RequestRules& rules);

  /// The key of the request itself, without variant.
  [[nodiscard]] std::string key_text(const Request& request, const RequestDecision& decision);
  /// After a lookup() that said hit. `answers`: else it takes the way of a bypass, since it is
  /// not what the request needs.
  void count_hit(bool answers) noexcept { (answers ? counters_.hits : counters_.bypasses).add(); }
  /// Counts a reason the proxy found by itself.
  void count(Reason reason) noexcept { counters_.count(reason); }
  [[nodiscard]] Cache& cache() noexcept { return cache_; }

 private:
  friend class FillLeader;

  /// The request spells what its key stands for in another way: a redirect or error may be about
  /// that.
  [[nodiscard]] bool spelt_otherwise(const Request& request, const RequestDecision& decision);
  /// A redirect to what has the same key: whoever follows it asks for the same again, and would be
  /// answered the same.
  [[nodiscard]] bool leads_back(const Request& request, const RequestDecision& decision,
                                const Response& response);
  template <class Visit>
  void for_each_outdated(const Request& request, const Response& response,
                         const RequestRules& rules, Visit&& visit);
  [[nodiscard]] static Lookup classify(ObjectPtr object, const RequestDecision& decision,
                                       Instant now);
  void count(const Lookup& lookup, EndpointId endpoint);
  void note_hit(Lookup& lookup, Instant now);
  /// What is known about the queries of the request's path; mostly nothing.
  [[nodiscard]] SearchListPtr search_rules(const Request& request);
  /// Inside a guard: the entry of the last primary for this request. `vary_miss`
  /// is set if there are only other variants of it.
  [[nodiscard]] const Entry* find(const Request& request, bool& vary_miss);
  [[nodiscard]] FillStart start_chosen(const Request& request, const RequestDecision& decision,
                                       ObjectPtr stale, Instant now, FillPurpose purpose);
  [[nodiscard]] FillStart start_locked(Shard& shard, const Request& request,
                                       const RequestDecision& decision, ObjectPtr& stale,
                                       Instant now, FillPurpose purpose);
  /// Under the shard's lock: a reader of the fill under way, if its response can
  /// be the request's. `joinable` becomes false if another's has that key.
  [[nodiscard]] std::optional<FillReader> join_running(Shard& shard, const Request& request,
                                                       const RequestDecision& decision, KeyView key,
                                                       Instant now, bool& joinable);
  [[nodiscard]] KeyView joining_key(Shard& shard, const Request& request, VarySpecPtr& spec);
  [[nodiscard]] FillPtr open_fill(Shard& shard, const Request& request, KeyView key,
                                  VarySpecPtr spec, const RequestRules* rules, bool keyed,
                                  bool joinable);
  /// Makes the last primary the key requests join this one by.
  void choose_key(const Request& request, const RequestDecision& decision);

  Cache& cache_;
  EpochSlot slot_;
  Counters counters_;
  KeyBuilder keys_, shared_keys_;
  std::string variant_;
  // Of the request whose fill begins: choose_key() sets them.
  SearchRulePtr search_;
  PrimaryKey exact_;
};

}  // namespace homeostat::cache
