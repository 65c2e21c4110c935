#include "runtime/admin/pattern_recommendations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace homeostat::admin {
namespace {

constexpr double run_share_min = 0.3;
constexpr double chance_factor = 3;  ///< as often as chance would make it
constexpr double deep_slower = 2;    ///< than the other pages
constexpr std::uint64_t deep_pages_min = 50;
constexpr std::uint64_t large_lists_min = 20;
constexpr double large_share_min = 0.1;
constexpr std::uint64_t splits_min = 20;
constexpr double split_share_min = 0.05;
constexpr double unchanged_share_min = 0.9;
constexpr std::uint64_t retries_min = 50;
constexpr double retry_share_min = 0.1;

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }
double ratio(std::uint64_t part, std::uint64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

/// All that may be said of one endpoint.
class EndpointAdvice {
 public:
  EndpointAdvice(const RequestPatterns& patterns, const EndpointFigures& endpoint,
                 double traffic_share, std::vector<Recommendation>& out)
      : patterns_(patterns),
        name_(endpoint.method + " " + endpoint.route),
        requests_in_an_hour_(12 * endpoint.last_5m.requests),
        waiting_(waiting(endpoint.last_5m)),
        traffic_share_(traffic_share),
        out_(out) {}

  void give() {
    if (patterns_.refetched >= evidence_min) short_lifetime();
    if (patterns_.requests < evidence_min) return;
    retry_storm();
    item_by_item();
    deep_pages();
    large_lists();
    tracking();
  }

 private:
  /// `saved`: of the time that clients wait for the endpoint, 0 to 1.
  void add(const char* type, const char* severity, std::string message,
           std::vector<std::string> suggestions, const std::string& evidence, double saved) {
    out_.push_back({type, severity, std::move(message), std::move(suggestions),
                    "in the last hour " + evidence, std::clamp(saved, 0.0, 1.0) * waiting_});
  }

  void retry_storm() {
    const double share = ratio(patterns_.retries, patterns_.requests);
    if (patterns_.retries < retries_min || share < retry_share_min) return;
    add("retry_storm", "warning", name_ + " is retried right after failures",
        {"let clients wait before they retry: exponential backoff with jitter, and a budget",
         "let clients obey Retry-After"},
        fmt::format("{} of {} requests came from a client that had got a failure or a refusal for "
                    "the same target in the 10 s before ({:.0f} %)",
                    patterns_.retries, patterns_.requests, share * 100),
        share);
  }

  void item_by_item() {
    const double share = ratio(patterns_.in_runs, patterns_.requests);
    const double chance = run_share_by_chance(traffic_share_, RequestPatterns::run_min);
    if (share < run_share_min || share < chance_factor * chance) return;
    add("n_plus_one", "info", name_ + " is asked for item by item",
        {"offer a request that answers for many items at once, or put them into the list",
         "cache single items, if they may be stored",
         "bound it for each client: admission.rate_limits with per: [client, route]"},
        fmt::format("{} of {} requests came in runs of {} or more with different targets, back to "
                    "back on one connection ({:.0f} %; by chance it would be {:.1f} %)",
                    patterns_.in_runs, patterns_.requests, RequestPatterns::run_min, share * 100,
                    chance * 100),
        // One request in the place of a run.
        share * (1 - 1.0 / RequestPatterns::run_min));
  }

  void deep_pages() {
    if (patterns_.deep_pages < deep_pages_min) return;
    const double deep =
        ratio(patterns_.deep_page_seconds, static_cast<double>(patterns_.deep_pages));
    const double others = ratio(patterns_.fetched_seconds - patterns_.deep_page_seconds,
                                static_cast<double>(patterns_.fetched - patterns_.deep_pages));
    if (others <= 0 || deep < deep_slower * others) return;
    add("pagination", "info", name_ + " is slow for pages far in",
        {"continue from a key instead of an offset (cursor, `after`)",
         "limit how far in a page may be (admission.page_limits)"},
        fmt::format(
            "{} of {} requests asked for a page from 100 on or an offset from 1000 on; they "
            "took {:.0f} ms on average, the others {:.0f} ms",
            patterns_.deep_pages, patterns_.fetched, deep * 1000, others * 1000),
        ratio(patterns_.deep_page_seconds, patterns_.fetched_seconds) * (1 - others / deep));
  }

  void large_lists() {
    const double share = ratio(patterns_.large_lists, patterns_.fetched);
    if (patterns_.large_lists < large_lists_min || share < large_share_min) return;
    add("pagination", "info", name_ + " sends large lists without pages",
        {"divide it into pages, and limit their size (admission.page_limits)",
         "let clients choose the fields they need"},
        fmt::format(
            "{} of {} responses were JSON of a mebibyte or more, {:.1f} MiB on average, and "
            "their requests named no page or limit",
            patterns_.large_lists, patterns_.fetched,
            patterns_.large_list_bytes / static_cast<double>(patterns_.large_lists) / 1048576),
        share);
  }

  void tracking() {
    const double share = ratio(patterns_.tracking_splits, patterns_.fetched);
    if (patterns_.tracking_splits < splits_min || share < split_share_min) return;
    add("tracking_parameters", "info", name_ + " is stored again for each tracking parameter",
        {"leave them out of the key: cache.query_drop_tracking: true",
         "make sure that the answer does not depend on them"},
        fmt::format("{} of {} requests missed the cache although the same URL without parameters "
                    "such as utm_source had been fetched in the ten minutes before ({:.0f} %)",
                    patterns_.tracking_splits, patterns_.fetched, share * 100),
        share);
  }

  void short_lifetime() {
    const double share = ratio(patterns_.unchanged, patterns_.refetched);
    if (share < unchanged_share_min) return;
    const double lifetime =
        patterns_.unchanged_lifetime_seconds / static_cast<double>(patterns_.unchanged);
    add("ttl", "info", name_ + " expires though its content does not change",
        {"raise its ttl or max-age, and invalidate it when it changes"},
        fmt::format("{} of {} responses that had expired were fetched again with the same content "
                    "({:.0f} %); they had been fresh for {:.0f} s on average",
                    patterns_.unchanged, patterns_.refetched, share * 100, lifetime),
        ratio(patterns_.unchanged, requests_in_an_hour_));
  }

  const RequestPatterns& patterns_;
  std::string name_;
  std::uint64_t requests_in_an_hour_;  ///< about, cache hits counted
  double waiting_, traffic_share_;
  std::vector<Recommendation>& out_;
};

}  // namespace

double run_share_by_chance(double share, unsigned run) noexcept {
  if (run == 0) return 1;
  const double others = static_cast<double>(run) - 1;
  return std::pow(share, others) * (static_cast<double>(run) - others * share);
}

std::vector<Recommendation> pattern_recommendations(const std::vector<RequestPatterns>& patterns,
                                                    const TrafficFigures& traffic) {
  std::vector<Recommendation> out;
  const std::uint64_t all =
      std::accumulate(patterns.begin(), patterns.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const auto& one) { return sum + one.requests; });
  for (const RequestPatterns& one : patterns) {
    for (const EndpointFigures& endpoint : traffic.endpoints) {
      if (endpoint.id != one.endpoint) continue;
      // Cannot be: the number was another endpoint's when these were counted.
      if (one.requests > endpoint.requests_total) continue;
      EndpointAdvice(one, endpoint, ratio(one.requests, all), out).give();
    }
  }
  rank(out);
  if (out.size() > patterns_advice_max) out.resize(patterns_advice_max);
  return out;
}

}  // namespace homeostat::admin
