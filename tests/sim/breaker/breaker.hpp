// Circuit breakers in a closed loop: clients at a constant rate, an application
// that dies, hangs, fails or flaps on schedule, in virtual time (seconds).
//
// Modelled: Poisson arrivals, exponential service. Every call the breaker lets
// through reaches the application; there is no limiter. Deterministic by seed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace homeostat::sim {

enum class Health : std::uint8_t { well, refusing, failing, hanging, slow };

/// What became of a call.
enum class CallEnd : std::uint8_t { good, slow, failed, refused, silent, timed_out };

class BreakerModel {
 public:
  virtual ~BreakerModel() = default;
  [[nodiscard]] virtual bool admits(double now, double unit) = 0;
  /// `silent` is told while the call goes on; who cannot know it ignores it.
  virtual void ended(CallEnd end, double started, double now) = 0;
};

using MakeBreaker = std::unique_ptr<BreakerModel> (*)();

struct BreakerPeer {
  const char* name;
  MakeBreaker make;
};
/// homeostat first.
[[nodiscard]] const std::vector<BreakerPeer>& breaker_peers();

struct BreakerCase {
  std::string name;
  std::function<Health(double)> health;
  double duration = 120, rate = 200;
  double failing_share = 1;  ///< of the answers while failing
  double slow_share = 0;     ///< of the answers at any time
};

struct BreakerOutcome {
  struct Second {
    int offered = 0, sent = 0, good = 0;
  };
  std::vector<Second> seconds;

  /// Most calls sent in any second of [from, to).
  [[nodiscard]] int most_sent(std::size_t from, std::size_t to) const;
  [[nodiscard]] double good_share(std::size_t from, std::size_t to) const;
  [[nodiscard]] double sent_share(std::size_t from, std::size_t to) const;
  /// Seconds after `cure` until every request is served, for good.
  [[nodiscard]] double until_all_served(std::size_t cure, std::size_t to) const;
};

[[nodiscard]] BreakerOutcome run(const BreakerCase& scenario, std::uint64_t seed, MakeBreaker make);
[[nodiscard]] BreakerCase sick_between(Health how, double from, double to);
/// Writes the section of the table.
void print_breakers(std::uint64_t first_seed, std::uint64_t seeds);

}  // namespace homeostat::sim
