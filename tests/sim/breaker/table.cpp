#include <cstdio>

#include "tests/sim/breaker/breaker.hpp"

namespace homeostat::sim {

namespace {

constexpr std::size_t sick_from = 20, sick_to = 60, noticed = 30, end = 120;

/// Mean of a figure over the seeds.
template <class Value>
double mean(const BreakerCase& scenario, MakeBreaker make, std::uint64_t first, std::uint64_t seeds,
            Value&& value) {
  double sum = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    sum += value(run(scenario, seed, make));
  }
  return sum / static_cast<double>(seeds);
}

void print_sick(const char* title, Health how, std::uint64_t first, std::uint64_t seeds) {
  const BreakerCase scenario = sick_between(how, sick_from, sick_to);
  for (const BreakerPeer& peer : breaker_peers()) {
    const double sent = mean(scenario, peer.make, first, seeds, [](const BreakerOutcome& each) {
      return each.sent_share(noticed, sick_to) * 200;
    });
    const double back = mean(scenario, peer.make, first, seeds, [](const BreakerOutcome& each) {
      return each.until_all_served(sick_to, end);
    });
    const bool never = back >= end - sick_to;
    std::printf(never ? "| %s | %s | %.1f | > 60 |\n" : "| %s | %s | %.1f | %.0f |\n", title,
                peer.name, sent, back);
  }
}

void print_shares(std::uint64_t first, std::uint64_t seeds) {
  BreakerCase slow;
  slow.health = [](double) { return Health::well; };
  slow.slow_share = 0.01;
  BreakerCase partly = sick_between(Health::failing, 0, end);
  partly.failing_share = 0.6;
  BreakerCase flapping;
  flapping.health = [](double now) {
    return static_cast<int>(now / 10) % 2 == 0 ? Health::well : Health::refusing;
  };
  for (const BreakerPeer& peer : breaker_peers()) {
    const auto served = [&](const BreakerCase& scenario) {
      return 100 * mean(scenario, peer.make, first, seeds,
                        [](const BreakerOutcome& each) { return each.good_share(0, end); });
    };
    std::printf("| %s | %.1f %% | %.1f %% | %.1f %% |\n", peer.name, served(slow), served(partly),
                served(flapping));
  }
}

}  // namespace

void print_breakers(std::uint64_t first_seed, std::uint64_t seeds) {
  std::printf(
      "\n## 16. An upstream that dies, hangs, fails, slows down or flaps\n\n"
      "Circuit breakers, 200 requests/s, sick from 20 to 60 s; `rules/laws/circuit_breaker` as the "
      "workers run it, beside the published defaults of resilience4j and Hystrix. Sent: per "
      "second, "
      "from 10 s after the beginning (goal: at most 2). Back: seconds after the cure until every "
      "request is served for good (goal: at most 5).\n\n"
      "| application | breaker | sent | back |\n|---|---|---:|---:|\n");
  print_sick("refuses", Health::refusing, first_seed, seeds);
  print_sick("answers 500", Health::failing, first_seed, seeds);
  print_sick("hangs", Health::hanging, first_seed, seeds);
  print_sick("takes 5 s instead of 20 ms", Health::slow, first_seed, seeds);
  std::printf(
      "\nServed well of all requests: 1 %% slow (best 99.0 %%), 60 %% failing (best 40.0 %%), "
      "10 s dead and 10 s well in turn (best 50.0 %%).\n\n"
      "| breaker | slow 1 %% | failing 60 %% | flapping |\n|---|---:|---:|---:|\n");
  print_shares(first_seed, seeds);
}

}  // namespace homeostat::sim
