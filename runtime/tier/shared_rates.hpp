// Rate limits of a fleet, as one worker takes part in them.
//
// No request waits for Redis: it is judged by this agent's own bucket. What was let through
// is added up in Redis within exchange_every, where it is a good part of a burst, else
// within exchange_latest, and the answer makes the own bucket as empty as all agents
// together have made it. So the long-run rate holds for the fleet; in the time of one
// exchange each agent may let one burst through, and all of them are refused until that
// has been made up for. Without Redis each agent counts for itself.
//
// Thread safety: none; one worker's thread. Ownership: the client outlives its calls'
// answers, which do nothing once this is gone. Bounds: names_max buckets between two
// exchanges; further ones count for this agent only.
// Source: rules/laws/request_rate.hpp; the exchange is what "Doorman" and Envoy's quota
// service do with usage reports.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "config/settings/cache.hpp"
#include "rules/laws/request_rate.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/tier/figures.hpp"

namespace homeostat::tier {

class SharedRates : public std::enable_shared_from_this<SharedRates> {
 public:
  static constexpr std::chrono::milliseconds exchange_every{100};
  static constexpr std::chrono::seconds exchange_latest{1};
  static constexpr std::size_t names_max = 4096;

  /// This agent's bucket takes so long to be full: others have used it, too.
  using Raise = std::function<void(std::uint64_t bucket, Duration until_full)>;

  SharedRates(boost::asio::io_context& context, const Clock& clock, redis::Client& client,
              const config::CacheSettings& settings, TierCounters& counters, std::uint64_t seed,
              Raise raise);

  /// What the fleet's names are made with; nothing until Redis has told, which this asks for.
  [[nodiscard]] std::optional<std::uint64_t> secret();
  /// A request was let through. `bucket`: its key in this agent, `name`: in the fleet.
  void note(std::uint64_t bucket, std::uint64_t name, const rules::RequestRate& rate);
  /// Nothing is sent any more.
  void stop() noexcept;

 private:
  static constexpr std::chrono::minutes secret_lasts{1};  ///< then it is asked for again

  /// What was let through since the last exchange.
  struct Use {
    std::uint64_t bucket = 0;
    rules::RequestRate rate;
    std::int64_t requests = 0;
    Instant since{};
    [[nodiscard]] bool due(Instant now) const noexcept;
  };

  void arm();
  void exchange();
  void send(std::uint64_t name, const Use& use);
  void ask_secret(Instant now);
  void told_secret(const redis::CallResult& result);

  const Clock& clock_;
  redis::Client& client_;
  TierCounters& counters_;
  const std::string prefix_, namespace_, secret_key_;
  const Raise raise_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  std::unordered_map<std::uint64_t, Use> uses_;
  std::uint64_t proposed_;
  std::optional<std::uint64_t> secret_;
  std::optional<Instant> asked_;
  bool armed_ = false, stopped_ = false;
};

}  // namespace homeostat::tier
