// What stands between the clients and the application in a simulated run:
// homeostat's laws, or a peer's.
//
// Ownership: the World owns the Admission; the Host outlives it. Everything
// runs on one thread in virtual time (seconds).
#pragma once

#include <cstdint>
#include <memory>

namespace homeostat::sim {

/// What an admission may know about a request.
struct Ticket {
  std::uint32_t id = 0;
  std::uint32_t endpoint = 0;
  std::uint32_t tenant = 0;
  std::uint8_t priority_class = 2;
};

/// An answer of the application.
struct Answer {
  Ticket ticket;
  double latency = 0;      ///< dispatch to answer
  double queue_delay = 0;  ///< of that, waiting inside the application: an oracle's knowledge
  unsigned in_flight = 0;  ///< when it was dispatched, itself included
  bool stream = false;     ///< the head of an event stream
};

/// What an admission can do.
class Host {
 public:
  virtual ~Host() = default;
  /// False: the application's backlog is full, it refused at once.
  virtual bool dispatch(std::uint32_t id) = 0;
  virtual void reject(std::uint32_t id) = 0;
  virtual void call_at(double at, std::uint64_t token) = 0;
  /// CPU seconds used per core since the start.
  [[nodiscard]] virtual double cpu_used() const = 0;
  /// Uniform in (0, 1), from a stream of its own.
  virtual double random() = 0;
};

class Admission {
 public:
  virtual ~Admission() = default;
  virtual void start(double /*now*/) {}
  virtual void arrived(double now, const Ticket& ticket) = 0;
  virtual void answered(double now, const Answer& answer) = 0;
  virtual void called(double /*now*/, std::uint64_t /*token*/) {}
  virtual void restart(double /*now*/) {}
  virtual void stall(bool /*stalled*/) {}
  /// Whether it is told of a stream's head; else of its end, as an answer.
  [[nodiscard]] virtual bool knows_streams() const { return false; }
  [[nodiscard]] virtual double limit() const = 0;
};

using MakeAdmission = std::unique_ptr<Admission> (*)(Host& host);

}  // namespace homeostat::sim
