// A gate on one hand-driven io_context, with virtual time for all decisions.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/gate/gate.hpp"

namespace homeostat::gate {

/// A waiting request that keeps what it got.
class Client : public GateWaiter {
 public:
  void on_admitted(Permit given) override {
    permit = std::move(given);
    ++callbacks;
    if (on_permit) on_permit();
  }
  void on_rejected(const Rejection& given) override {
    rejection = given;
    ++callbacks;
  }
  Permit permit;
  std::optional<Rejection> rejection;
  int callbacks = 0;
  std::function<void()> on_permit;
};

inline bool admitted(const Admission& answer) { return std::holds_alternative<Permit>(answer); }
inline bool queued(const Admission& answer) { return std::holds_alternative<Queued>(answer); }
inline bool rejected_for(const Admission& answer, RejectReason reason) {
  const auto* rejection = std::get_if<Rejection>(&answer);
  return rejection != nullptr && rejection->reason == reason;
}

class GateFixture : public testing::Test {
 protected:
  void build(config::AdmissionSettings settings, unsigned workers = 1) {
    gate = std::make_unique<Gate>(settings, workers, clock);
    for (unsigned index = 0; index < workers; ++index) {
      gate->worker(index).attach(context.get_executor());
    }
  }
  static config::AdmissionSettings with_limit(double limit) {
    config::AdmissionSettings settings;
    settings.limit_initial = limit;
    return settings;
  }
  [[nodiscard]] Admission ask(Client& client, std::uint8_t priority_class = 2, unsigned worker = 0,
                              EndpointId endpoint = 1) {
    return gate->worker(worker).admit({endpoint, priority_class, clock.now(), std::nullopt},
                                      client);
  }
  Permit take(unsigned worker = 0, EndpointId endpoint = 1) {
    Client client;
    Admission answer = ask(client, 2, worker, endpoint);
    EXPECT_TRUE(admitted(answer));
    return std::get<Permit>(std::move(answer));
  }
  /// Teaches the gate how long upstream calls take.
  void teach_service(Duration latency, EndpointId endpoint = 1) {
    Permit permit = take(0, endpoint);
    permit.success(latency);
    clock.advance(std::chrono::milliseconds(100));
    (void)gate->collect(clock.now());
  }
  /// Runs posted wake-ups.
  void settle() {
    context.restart();
    context.poll();
  }

  ManualClock clock;
  boost::asio::io_context context{1};
  std::unique_ptr<Gate> gate;
};

}  // namespace homeostat::gate
