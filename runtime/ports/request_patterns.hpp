// How clients use one endpoint, where that costs the application more than it
// must: what the advice of the management API is drawn from.
//
// Plain values; totals, of requests that the cache did not answer.
#pragma once

#include <cstdint>

#include "rules/engine/frame.hpp"

namespace homeostat {

struct RequestPatterns {
  rules::EndpointId endpoint = 0;
  std::uint64_t requests = 0;             ///< that the cache did not answer
  std::uint64_t fetched = 0;              ///< of them, answered by the application
  double fetched_seconds = 0;             ///< until the response's head
  std::uint64_t in_runs = 0;              ///< of `requests`, in runs of one connection: see run_min
  std::uint64_t deep_pages = 0;           ///< of `fetched`, asked for a page far in
  double deep_page_seconds = 0;           ///< the same as fetched_seconds
  std::uint64_t large_lists = 0;          ///< of `fetched`, a large JSON that no parameter divides
  double large_list_bytes = 0;            ///< of those
  std::uint64_t tracking_splits = 0;      ///< of `fetched`, only for a tracking parameter
  std::uint64_t retries = 0;              ///< of `requests`, by a client that it failed just before
  std::uint64_t refetched = 0;            ///< stored responses that expired and were fetched again
  std::uint64_t unchanged = 0;            ///< of them, with the same content
  double unchanged_lifetime_seconds = 0;  ///< of those, how long they had been fresh

  /// Requests for one template with another target each, back to back on one connection.
  static constexpr unsigned run_min = 10;
};

}  // namespace homeostat
