#include "tests/sim/peers/peers.hpp"

#include "tests/sim/model/homeostat.hpp"
#include "tests/sim/peers/limiter.hpp"

namespace homeostat::sim {

namespace {

class None final : public Limiter {
 public:
  using Limiter::Limiter;
  [[nodiscard]] double limit() const override { return 0; }

 protected:
  bool admits(double, const Ticket&) override { return true; }
  void sampled(double, const Answer&) override {}
};

/// A limit set by hand: right for the sixteen workers of most scenarios, and
/// left alone in the others.
class Static final : public ConcurrencyLimiter {
 public:
  explicit Static(Host& host) : ConcurrencyLimiter(host, 20) {}

 protected:
  void sampled(double, const Answer&) override {}
};

}  // namespace

std::unique_ptr<Admission> make_none(Host& host) { return std::make_unique<None>(host); }
std::unique_ptr<Admission> make_static(Host& host) { return std::make_unique<Static>(host); }

const std::vector<Peer>& all_peers() {
  static const std::vector<Peer> peers = {
      {"homeostat", make_homeostat},  {"none", make_none},       {"static 20", make_static},
      {"gradient2", make_gradient2},  {"vegas", make_vegas},     {"envoy", make_envoy},
      {"aegis", make_aegis},          {"go-zero", make_go_zero}, {"brpc", make_brpc},
      {"failsafe-go", make_failsafe}, {"dagor*", make_dagor},
  };
  return peers;
}

}  // namespace homeostat::sim
