// The application of a simulated run: first come first served, or processor
// sharing with contention, optionally stalled by a CPU quota.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "tests/sim/model/scenario.hpp"

namespace homeostat::sim {

class Server {
 public:
  explicit Server(const Application& model) : model_(model) {}

  void set_servers(double now, unsigned servers);
  /// False: refused. `demand` = seconds of service.
  bool submit(double now, std::uint32_t id, double demand);
  /// When the next request ends; infinity when none is in service.
  [[nodiscard]] double next_end() const;
  struct Ended {
    std::uint32_t id;
    double started;
  };
  /// REQUIRES: now = next_end().
  Ended end(double now);

  [[nodiscard]] std::size_t inside() const noexcept { return waiting_.size() + running_.size(); }
  /// CPU seconds per core until now.
  [[nodiscard]] double cpu_used(double now);

 private:
  struct Job {
    double end;  ///< FCFS: time; sharing: virtual work
    std::uint64_t order;
    std::uint32_t id;
    double started;
    bool operator<(const Job& other) const {
      return end != other.end ? end > other.end : order > other.order;
    }
  };
  struct Waiting {
    std::uint32_t id;
    double demand;
  };

  [[nodiscard]] double slow_down() const;
  /// Sharing: work per second each running request gets.
  [[nodiscard]] double speed() const;
  void advance(double now);
  void serve(double now);

  Application model_;
  unsigned servers_ = 1;
  std::priority_queue<Job> running_;
  std::deque<Waiting> waiting_;
  double now_ = 0, work_ = 0, cpu_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace homeostat::sim
