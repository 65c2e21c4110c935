// The common part of peers that admit or reject on arrival and never queue.
#pragma once

#include "tests/sim/model/admission.hpp"

namespace homeostat::sim {

class Limiter : public Admission {
 public:
  explicit Limiter(Host& host) : host_(host) {}

  void arrived(double now, const Ticket& ticket) final {
    if (!admits(now, ticket)) return host_.reject(ticket.id);
    ++in_flight_;
    if (host_.dispatch(ticket.id)) return;
    --in_flight_;
    refused(now);
  }
  void answered(double now, const Answer& answer) final {
    --in_flight_;
    sampled(now, answer);
  }

 protected:
  virtual bool admits(double now, const Ticket& ticket) = 0;
  virtual void sampled(double now, const Answer& answer) = 0;
  /// The application refused: the library's "dropped" verdict.
  virtual void refused(double /*now*/) {}

  Host& host_;
  unsigned in_flight_ = 0;
};

/// Admits while fewer than limit_ are in flight.
class ConcurrencyLimiter : public Limiter {
 public:
  ConcurrencyLimiter(Host& host, double limit) : Limiter(host), limit_(limit) {}
  [[nodiscard]] double limit() const override { return limit_; }

 protected:
  bool admits(double, const Ticket&) override { return in_flight_ < static_cast<unsigned>(limit_); }
  double limit_;
};

}  // namespace homeostat::sim
