// Background refreshes, the back-off from a failing origin, and lifetimes cut where content
// changes, as Prometheus families.
#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

void collect(const cache::RefreshFigures& now, std::vector<prometheus::MetricFamily>& out) {
  prometheus::MetricFamily started =
      counters("homeostat_cache_refreshes_started_total", "Background refreshes begun, by kind.");
  prometheus::MetricFamily ended = counters("homeostat_cache_refreshes_total",
                                            "Background refreshes ended, by kind and result.");
  prometheus::MetricFamily held = counters("homeostat_cache_refreshes_held_total",
                                           "Background refreshes not begun, by reason.");
  for (std::size_t k = 0; k < cache::refresh_kind_count; ++k) {
    const char* kind = cache::to_string(static_cast<cache::RefreshKind>(k));
    add(started, number(now.started[k]), {{"kind", kind}});
    for (std::size_t i = 0; i < cache::refresh_result_count; ++i) {
      if (now.ended[k][i] == 0) continue;
      const char* result = cache::to_string(static_cast<cache::RefreshResult>(i));
      add(ended, number(now.ended[k][i]), {{"kind", kind}, {"result", result}});
    }
  }
  for (std::size_t i = 0; i < cache::refresh_hold_count; ++i) {
    add(held, number(now.held[i]),
        {{"reason", cache::to_string(static_cast<cache::RefreshHold>(i))}});
  }
  out.push_back(std::move(started));
  show(std::move(ended), out);
  out.push_back(std::move(held));
}

}  // namespace

void register_refresh(telemetry::MetricsRegistry& metrics, Agent::Parts& parts) {
  const auto figures = [&parts] { return parts.cache.refresh_figures(); };
  metrics.gauge("homeostat_cache_refreshes_running", "Background refreshes under way.", {},
                [figures] { return number(figures().running); });
  metrics.gauge("homeostat_cache_routes_in_trouble", "Routes whose fetches are held back.", {},
                [figures] { return number(figures().routes_in_trouble); });
  metrics.gauge("homeostat_cache_origin_in_trouble",
                "1 while fetches are held back because nothing answers.", {},
                [figures] { return figures().origin_in_trouble ? 1.0 : 0.0; });
  metrics.counter("homeostat_cache_fetch_failures_total", "Fetches of the cache that failed.", {},
                  [figures] { return number(figures().failures); });
  metrics.counter("homeostat_cache_fetches_throttled_total",
                  "Fetches of the cache answered with 429, or 503 and Retry-After.", {},
                  [figures] { return number(figures().throttled); });
  metrics.counter("homeostat_cache_refresh_ahead_useful_total",
                  "Responses refreshed before expiry that were asked for afterwards.", {},
                  [&parts] { return number(parts.cache.ahead_useful()); });
  metrics.counter("homeostat_cache_refresh_ahead_wasted_total",
                  "Responses refreshed before expiry that nobody asked for.", {},
                  [figures] { return number(figures().ahead_wasted); });
  const auto changes = [&parts] { return parts.cache.changes().figures(); };
  metrics.counter("homeostat_cache_refetches_total",
                  "Responses that lived by a rule's ttl and were fetched again, by what came.",
                  {{"content", "changed"}}, [changes] { return number(changes().changed); });
  metrics.counter("homeostat_cache_refetches_total",
                  "Responses that lived by a rule's ttl and were fetched again, by what came.",
                  {{"content", "unchanged"}}, [changes] { return number(changes().unchanged); });
  metrics.gauge(
      "homeostat_cache_lifetimes_lowered",
      "Endpoints whose content changes faster than their rule's ttl, which is cut for it.", {},
      [changes] { return number(changes().lowered); });
  metrics.collector(
      [figures](std::vector<prometheus::MetricFamily>& out) { collect(figures(), out); });
}

}  // namespace homeostat::app
