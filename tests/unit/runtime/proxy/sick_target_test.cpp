// Two targets in a closed loop of virtual time, with the real choice between them:
// one falls ill, and what may go there cannot be repeated.
#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <vector>

#include "runtime/proxy/upstream_target.hpp"
#include "tests/sim/model/random.hpp"

namespace homeostat::proxy {
namespace {

using sim::Random;

constexpr double rate = 200, service = 0.02;
constexpr std::size_t sick_from = 20, noticed = 26, cured = 60, seconds = 120;
constexpr rules::EndpointId orders = 3;

enum class Illness : std::uint8_t { refuses, fails, hangs };

Instant instant(double at) {
  return Instant{} + std::chrono::hours(1) +
         std::chrono::duration_cast<Duration>(std::chrono::duration<double>(at));
}

config::UpstreamSettings two_targets() {
  config::UpstreamSettings settings;
  for (std::uint16_t port = 1; port <= 2; ++port) {
    settings.targets.push_back({{"127.0.0.1", port, {}}, "host"});
  }
  return settings;
}

struct Second {
  int offered = 0, lost = 0, to_first = 0;
};

/// Every request is a POST; the first target is sick from `sick_from` to `cured`.
class Orders {
 public:
  Orders(Illness illness, std::uint64_t seed) : illness_(illness), random_(seed) {}

  std::vector<Second> run() {
    std::vector<Second> figures(seconds + 1);
    for (double now = next(0); now < seconds; now = next(now)) {
      while (!ends_.empty() && ends_.top().at <= now) settle();
      Second& second = figures[static_cast<std::size_t>(now)];
      ++second.offered;
      send(now, second);
    }
    return figures;
  }

 private:
  struct End {
    double at, started;
    UpstreamTarget* target;
    bool failed;
    bool operator<(const End& other) const { return at > other.at; }
  };

  double next(double now) { return now + random_.exponential(1 / rate); }
  UpstreamTarget& first() { return *set_.targets()[0]; }

  void send(double now, Second& second) {
    UpstreamTarget* avoid = nullptr;
    for (int attempt = 0; attempt < 2; ++attempt) {
      UpstreamTarget* target =
          set_.choose({orders, instant(now), avoid, turn_++, random_.uniform(), false});
      if (target == nullptr) break;
      const bool to_first = target == &first();
      if (to_first) ++second.to_first;
      const bool sick = to_first && now >= sick_from && now < cured;
      if (!sick || illness_ == Illness::fails) {
        target->request_started();
        ends_.push({now + random_.exponential(service), now, target, sick});
        if (sick) ++second.lost;
        return;
      }
      if (illness_ == Illness::hangs) {
        set_.lost(*target, orders, rules::CallResult::silent, instant(now), instant(now));
        break;
      }
      set_.not_connected(*target, instant(now), instant(now));
      avoid = target;  // nothing was sent: it may go elsewhere
    }
    ++second.lost;
  }

  void settle() {
    const End end = ends_.top();
    ends_.pop();
    end.target->request_ended();
    const auto latency = instant(end.at) - instant(end.started);
    set_.answered(*end.target, orders, end.failed, latency, instant(end.started), instant(end.at));
  }

  const Illness illness_;
  Random random_;
  UpstreamSet set_{two_targets(), 8, instant(0)};
  std::priority_queue<End> ends_;
  std::uint32_t turn_ = 0;
};

class SickTarget : public testing::TestWithParam<Illness> {};

TEST_P(SickTarget, ThatTakesNothingButPostsIsProbedRarelyAndComesBack) {
  for (std::uint64_t seed = 9201; seed <= 9205; ++seed) {
    const std::vector<Second> figures = Orders(GetParam(), seed).run();
    const auto sum = [&](std::size_t from, std::size_t to, int Second::*what) {
      int total = 0;
      for (std::size_t i = from; i < to; ++i) total += figures[i].*what;
      return total;
    };
    const auto share = [&](std::size_t from, std::size_t to) {
      return static_cast<double>(sum(from, to, &Second::to_first)) /
             sum(from, to, &Second::offered);
    };
    EXPECT_NEAR(share(5, sick_from), 0.5, 0.05) << seed;
    const int probes = sum(noticed, cured, &Second::to_first);
    EXPECT_GE(probes, 9) << seed << ": one every three seconds";
    EXPECT_LE(probes, 13) << seed << ": and each may cost a client his request";
    EXPECT_LE(sum(noticed, cured, &Second::lost), probes) << seed;
    EXPECT_NEAR(share(cured + 6, cured + 20), 0.5, 0.05) << seed << ": it is back for good";
    EXPECT_EQ(sum(cured + 1, seconds, &Second::lost), 0) << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Every, SickTarget,
                         testing::Values(Illness::refuses, Illness::fails, Illness::hangs));

}  // namespace
}  // namespace homeostat::proxy
