// What a simulated run consists of: an application, its load, its clients.
//
// Plain values; the defaults are the case of most tables: sixteen
// first-come-first-served workers, 20 ms exponential service, one endpoint.
// Units: seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace homeostat::sim {

/// Distribution of a service time around its mean.
enum class Shape : std::uint8_t {
  exponential,
  constant,
  lognormal,  ///< sigma 1: CV^2 = 1.7
  pareto,     ///< alpha 1.5, cut at 200 means: next to no finite variance
  bimodal,    ///< 90 % at 0.25 means, 10 % at 7.75 means: 5 / 155 ms for 20 ms; CV^2 = 5
};

/// One kind of request.
struct Stream {
  double share = 1;        ///< of the arrivals; need not sum to 1
  double service = 0.020;  ///< mean
  std::uint8_t priority_class = 2;
  Shape shape = Shape::exponential;
  std::uint32_t endpoint = 0;  ///< what the agent can tell apart
  std::uint32_t tenant = 0;
  double open_for = 0;  ///< the body goes on after the answer's head: an event stream
  double refused = 0;   ///< share that the application answers with 503 at once, whatever its load
};

/// What holds from `from` on.
struct Stage {
  double from = 0;
  double rate = 400;    ///< arrivals per second at the beginning
  double rate_end = 0;  ///< > 0: changes linearly up to the next stage
  unsigned servers = 16;
  std::vector<Stream> streams = {Stream{}};
};

struct Application {
  bool sharing = false;       ///< processor sharing instead of first come first served
  double contention = 0;      ///< service grows by this per `servers` requests above `servers`
  std::size_t backlog = 512;  ///< waiting; beyond: refused
  bool throttled = false;     ///< a CFS quota stalls every third period of 100 ms
  double cpu_share = 1;       ///< CPU used while a request is served; the rest is waiting for I/O
};

struct Clients {
  double patience = 0.25;  ///< an answer later than this is worth nothing
  unsigned retries = 0;    ///< after a rejection or when patience ends
  double retry_after_min = 0.02, retry_after_max = 0.1;
  bool bursty = false;  ///< MMPP: twice the rate for 100 ms, half for 200 ms, on average
};

struct Scenario {
  std::string name;
  std::vector<Stage> stages;
  double duration = 60;
  double measure_from = 20;
  Application application{};
  Clients clients{};
  double restart_at = -1;  ///< the control plane is restarted and goes on from its last limit
  double stall_from = -1, stall_to = -1;  ///< no control decision in between
};

/// `load` times the capacity of `servers` workers.
[[nodiscard]] Stage stage_of(double from, double load, unsigned servers,
                             std::vector<Stream> streams);
/// The usual one endpoint.
[[nodiscard]] Stage stage(double from, double load, unsigned servers, double service,
                          Shape shape = Shape::exponential);

}  // namespace homeostat::sim
