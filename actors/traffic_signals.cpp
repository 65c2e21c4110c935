#include "actors/traffic_signals.hpp"

namespace homeostat::actors {
namespace {

using rules::Quality;
using rules::SignalId;
using rules::SignalValues;

constexpr Duration span_short = rules::ArmValues::span_short;

void set(SignalValues& values, SignalId id, double value, Instant at, Duration span = span_short) {
  values[static_cast<std::size_t>(id)] = {value, at, Quality::good, "traffic", span};
}

/// The signals one scope fills, so that both scopes share one function.
struct Names {
  SignalId rate, error_ratio, average, p50, p95, p99, hit_ratio;
};

constexpr Names traffic_names{SignalId::traffic_rate,        SignalId::traffic_error_ratio,
                              SignalId::traffic_latency_avg, SignalId::traffic_latency_p50,
                              SignalId::traffic_latency_p95, SignalId::traffic_latency_p99,
                              SignalId::cache_hit_ratio};
constexpr Names endpoint_names{SignalId::endpoint_rate,        SignalId::endpoint_error_ratio,
                               SignalId::endpoint_latency_avg, SignalId::endpoint_latency_p50,
                               SignalId::endpoint_latency_p95, SignalId::endpoint_latency_p99,
                               SignalId::endpoint_hit_ratio};

const WindowFigures* fill(const Names& names, const WindowFigures& last_10s,
                          const WindowFigures& last_1m, Instant at, SignalValues& values) {
  set(values, names.rate, last_10s.rate, at);
  const WindowFigures* window = judging_window(last_10s, last_1m);
  if (window == nullptr) return nullptr;
  const Duration span = window == &last_1m ? rules::ArmValues::span_long : span_short;
  set(values, names.error_ratio, window->error_ratio, at, span);
  set(values, names.average, window->latency_avg, at, span);
  set(values, names.p50, window->latency_p50, at, span);
  set(values, names.p95, window->latency_p95, at, span);
  set(values, names.p99, window->latency_p99, at, span);
  if (window->hit_ratio_known) set(values, names.hit_ratio, window->hit_ratio, at, span);
  return window;
}

}  // namespace

const WindowFigures* judging_window(const WindowFigures& last_10s,
                                    const WindowFigures& last_1m) noexcept {
  if (last_10s.requests >= samples_min) return &last_10s;
  if (last_1m.requests > 0) return &last_1m;
  return last_10s.requests > 0 ? &last_10s : nullptr;
}

void fill_traffic_signals(const TrafficFigures& figures, Instant at, SignalValues& values) {
  fill(traffic_names, figures.all_10s, figures.all_1m, at, values);
  if (!figures.upstream_known) return;
  set(values, SignalId::upstream_error_ratio, figures.upstream_error_ratio, at);
  set(values, SignalId::upstream_latency_p95, figures.upstream_latency_p95, at);
}

namespace {

rules::ArmSide arm_side(const WindowFigures& figures) {
  rules::ArmSide side;
  side.requests = figures.requests;
  if (figures.requests == 0) return side;
  const auto put = [&side](SignalId id, double value) {
    side.values[static_cast<std::size_t>(id) - rules::first_endpoint_signal] = value;
  };
  put(SignalId::endpoint_error_ratio, figures.error_ratio);
  put(SignalId::endpoint_latency_avg, figures.latency_avg);
  put(SignalId::endpoint_latency_p50, figures.latency_p50);
  put(SignalId::endpoint_latency_p95, figures.latency_p95);
  put(SignalId::endpoint_latency_p99, figures.latency_p99);
  if (figures.hit_ratio_known) put(SignalId::endpoint_hit_ratio, figures.hit_ratio);
  put(SignalId::endpoint_response_size, figures.response_bytes_avg);
  return side;
}

/// Of the last 10 s if these say something, else of the last minute.
rules::ArmValues arm_values(const EndpointFigures::Arms& arms, Instant at) {
  rules::ArmValues values{arm_side(arms.last_10s[0]), arm_side(arms.last_10s[1]), span_short, at};
  if (values.enough()) return values;
  return {arm_side(arms.last_1m[0]), arm_side(arms.last_1m[1]), rules::ArmValues::span_long, at};
}

}  // namespace

std::vector<rules::EndpointFrame> endpoint_frames(const TrafficFigures& figures, Instant at) {
  std::vector<rules::EndpointFrame> frames;
  frames.reserve(figures.endpoints.size());
  for (const EndpointFigures& endpoint : figures.endpoints) {
    if (endpoint.last_10s.requests == 0 && endpoint.last_1m.requests == 0) continue;
    rules::EndpointFrame& frame = frames.emplace_back();
    frame.id = endpoint.id;
    frame.name = endpoint.method + " " + endpoint.route;
    const WindowFigures* window =
        fill(endpoint_names, endpoint.last_10s, endpoint.last_1m, at, frame.values);
    if (window != nullptr) {
      set(frame.values, SignalId::endpoint_response_size, window->response_bytes_avg, at,
          window == &endpoint.last_1m ? rules::ArmValues::span_long : span_short);
    }
    if (endpoint.arms) frame.arms = arm_values(*endpoint.arms, at);
  }
  return frames;
}

}  // namespace homeostat::actors
