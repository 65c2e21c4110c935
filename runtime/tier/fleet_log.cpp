#include "runtime/tier/fleet_log.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;

namespace {

std::string agent_name(std::uint64_t seed) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(seed));
  return text.data();
}

redis::ClientOptions client_options(const config::CacheSettings& settings,
                                    std::shared_ptr<redis::TlsContext> tls, std::uint64_t seed) {
  redis::ClientOptions options;
  options.settings = settings.redis;
  options.tls = std::move(tls);
  options.seed = seed;
  return options;
}

}  // namespace

FleetLog::FleetLog(const Parts& parts, const config::CacheSettings& settings,
                   std::shared_ptr<redis::TlsContext> tls, std::uint64_t seed)
    : parts_(parts),
      settings_(settings),
      key_(log_key(settings.key_prefix, settings.key_namespace)),
      agent_(agent_name(seed)),
      random_(seed),
      retry_timer_(parts.context),
      write_timer_(parts.context),
      partition_timer_(parts.context),
      told_timer_(parts.context) {
  redis::ClientOptions reading = client_options(settings_, tls, seed);
  reading.blocks_max = wait;
  reading.look_again = look_for_master;
  reading.changed = [this](bool up, const std::string&) { reader_changed(up); };
  reader_ = redis::make_client(parts_.context, parts_.clock, std::move(reading), parts_.calls);
  redis::ClientOptions writing = client_options(settings_, std::move(tls), seed + 1);
  writing.look_again = look_for_master;
  writing.answer_max = answer_max;  // what is slower than reads may be still takes invalidations
  writing.changed = [this, was = -1](bool up, const std::string& reason) mutable {
    if (std::exchange(was, up ? 1 : 0) == (up ? 1 : 0)) return;
    parts_.log(up ? "Redis is up" : "Redis is not up: " + reason);
    if (up) write();
  };
  writer_ = redis::make_client(parts_.context, parts_.clock, std::move(writing), parts_.calls);
}

FleetLog::~FleetLog() { stop(); }

void FleetLog::start() {
  stopped_ = false;
  reader_->start();
  writer_->start();
  watch_partition();
}

void FleetLog::stop() noexcept {
  stopped_ = true;
  reader_->stop();
  writer_->stop();
  retry_timer_.cancel();
  write_timer_.cancel();
  partition_timer_.cancel();
  told_timer_.cancel();
  told_ = nullptr;
}

std::uint64_t FleetLog::fresh_number() noexcept {
  random_ ^= static_cast<std::uint64_t>(parts_.clock.wall_now().time_since_epoch().count());
  random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth, MMIX
  return random_ | 1U;                                                  // 0 is no log
}

// -- reading ----------------------------------------------------------------------

void FleetLog::reader_changed(bool up) {
  if (up) look();
}

void FleetLog::read_later() {
  retry_timer_.expires_after(retry);
  retry_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_ && reader_->up()) look();
  });
}

/// Where does the log stand, and of what server is it? Also makes it, and makes it anew if it
/// lost entries.
void FleetLog::look() {
  if (reading_ || stopped_) return;
  reading_ = true;
  const auto state = std::make_shared<CallResult>(CallResult{CallError::redirects, {}});
  CallError refused =
      reader_->call(key_, log_command(key_, settings_.redis.log_length, seen_, fresh_number(), {}),
                    answer_max, [state](CallResult result) { *state = std::move(result); });
  if (refused == CallError::none) {
    refused = reader_->call(key_, redis::make_command({"ROLE"}), answer_max,
                            [this, state](const CallResult& role) {
                              reading_ = false;
                              if (!stopped_) looked(*state, role);
                            });
  }
  if (refused == CallError::none) return;
  reading_ = false;
  read_later();
}

void FleetLog::looked(const CallResult& result, const CallResult& role) {
  const auto state = result.ok() ? read_log_state(result.reply) : std::nullopt;
  if (!state) {
    if (result.error == CallError::none) say_unusable(redis::excerpt(result.reply.text));
    read_later();
    return;
  }
  of_replica_ =
      role.ok() && !role.reply.elements.empty() && role.reply.elements.front().text == "slave";
  say_unusable(of_replica_ ? "its server is a replica" : "");
  follow(*state);
  if (!of_replica_ && parts_.ledger.position().number >= state->last.number) {
    parts_.ledger.confirm(parts_.clock.now());
  }
  read();
}

void FleetLog::follow(const LogState& state) {
  see({state.last, state.nonce});
  const LogPosition position = parts_.ledger.position();
  if (!began_) {
    began_ = true;
    parts_.ledger.begin(state.last.epoch, state.first);
    // Others may have invalidated what was stored before Redis could be reached, in a log that
    // is gone.
    purge_softly();
  } else if (state.last.epoch != position.epoch) {
    distrust(state.last, "it was lost");
  } else if (state.first > position.number + 1) {
    distrust(state.last, "entries were dropped before they were read");
  }
}

/// Once, until it can be used again, without a reason, or says something else.
void FleetLog::say_unusable(const std::string& why) {
  if (std::exchange(unusable_, why) == why || why.empty()) return;
  parts_.log("the log of invalidations cannot be used: " + why);
}

/// Remembers the newest entry there is.
void FleetLog::see(const LogMark& entry) {
  const bool newer = entry.position.epoch != seen_.position.epoch ||
                     entry.position.number >= seen_.position.number;
  if (newer) seen_ = entry;
}

void FleetLog::read() {
  if (reading_ || stopped_) return;
  reading_ = true;
  const CallError refused =
      reader_->call(key_, read_command(key_, parts_.ledger.position().number, read_count_, wait),
                    wait + answer_max, [this](const CallResult& result) {
                      reading_ = false;
                      if (!stopped_) take(result);
                    });
  if (refused == CallError::none) return;
  reading_ = false;
  read_later();
}

void FleetLog::take(const CallResult& result) {
  const auto entries = result.ok() ? read_log_entries(result.reply) : std::nullopt;
  if (!entries) {
    // So many, or so large ones, that they do not arrive in time.
    if (result.error == CallError::timeout) read_count_ = std::max<std::size_t>(read_count_ / 2, 1);
    read_later();
    return;
  }
  const bool all = entries->size() < read_count_;
  read_count_ = std::min(2 * read_count_, read_max);
  Gathered gathered;
  bool follows = true;
  for (const LogEntry& entry : *entries) {
    follows = follows && take_entry(entry, gathered);
  }
  carry_out(gathered);
  if (entries->empty() || !follows) {
    // Is it still the log that was being read?
    look();
    return;
  }
  if (all && !of_replica_) parts_.ledger.confirm(parts_.clock.now());
  read();
}

/// The next one, but after another than was applied under that number: entries were lost, and
/// their numbers given again, within one read.
bool FleetLog::of_another_history(const LogEntry& entry) const {
  const bool next =
      at_.position == parts_.ledger.position() && entry.position.number == at_.position.number + 1;
  return next && at_.nonce != 0 && entry.before != 0 && entry.before != at_.nonce;
}

/// False: it is of another log.
bool FleetLog::take_entry(const LogEntry& entry, Gathered& gathered) {
  const LogPosition position = parts_.ledger.position();
  if (entry.position.epoch != position.epoch) return false;
  if (of_another_history(entry)) {
    seen_ = at_;  // which is not in the log: it will be made anew
    return false;
  }
  see({entry.position, entry.nonce});
  if (entry.position.number <= position.number) return true;  // an own one, applied already
  if (entry.position.number != position.number + 1) {
    distrust({position.epoch, entry.position.number - 1}, "entries are missing");
  }
  const Invalidation invalidation = parse_invalidation(entry.text);
  // The ledger first: what is read from the tier in between is dead already.
  parts_.ledger.record(names_of(invalidation, parts_.cache), entry.position.number);
  at_ = {entry.position, entry.nonce};
  const bool elsewhere = invalidation.agent == agent_ || invalidation.tier_only;
  if (elsewhere || invalidation.empty()) return true;  // the log's first entry is empty
  TierCounters::add(parts_.counters.invalidations_received);
  Invalidation& all = invalidation.soft ? gathered.soft : gathered.hard;
  const auto add = [&](std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const std::string& name : from) {
      // A name may be a tag in one list and a key in another.
      if (gathered.names.emplace(&to, name).second) to.push_back(name);
    }
  };
  add(all.identities, invalidation.identities);
  add(all.patterns, invalidation.patterns);
  add(all.keys, invalidation.keys);
  add(all.urls, invalidation.urls);
  add(all.data, invalidation.data);
  return true;
}

void FleetLog::carry_out(const Gathered& gathered) {
  Invalidation soft = gathered.soft;
  soft.soft = true;
  const auto carry = [this](const Invalidation& invalidation) {
    if (invalidation.empty()) return;
    apply(invalidation, parts_.cache);
    if (parts_.purged) parts_.purged(data_purge_of(invalidation));
  };
  carry(soft);
  carry(gathered.hard);
}

/// Invalidations may have been missed: nothing stored counts as fresh any more.
void FleetLog::distrust(LogPosition now, const char* why) {
  TierCounters::add(parts_.counters.log_gaps);
  parts_.log(std::string("the log of invalidations is not complete (") + why +
             "): everything stored is validated before it is used");
  parts_.ledger.restart(now);
  purge_softly();
}

void FleetLog::purge_softly() {
  PurgeRequest everything;
  everything.patterns.emplace_back("*");
  everything.soft = everything.doubt = true;
  static_cast<void>(parts_.cache.purge(everything));
  if (parts_.purged) parts_.purged(everything);
}

void FleetLog::watch_partition() {
  const Duration bound = settings_.redis.partition_max;
  if (bound == Duration::zero()) return;
  partition_timer_.expires_after(bound);
  partition_timer_.async_wait([this, bound](boost::system::error_code error) {
    if (error || stopped_) return;
    if (parts_.clock.now() - parts_.ledger.confirmed() >= bound) {
      TierCounters::add(parts_.counters.partitions);
      purge_softly();
    }
    watch_partition();
  });
}

}  // namespace homeostat::tier
