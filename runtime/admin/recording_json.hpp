// Prometheus range-query answers as recordings, and replays as JSON.
//
// Thread safety: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <variant>

#include "rules/replay/replay.hpp"

namespace homeostat::admin {

/// Reads the answer of /api/v1/query_range (the whole, its `data`, or its
/// `result`). The metric homeostat_signal gives the signal its label `signal`
/// names, of the endpoint its label `endpoint` names (`exported_endpoint`, where the scraping side
/// has a label of that name); every other metric becomes scrape.<name> with its labels, without
/// those of the scraped target where there would be too many. Series of one name are put together
/// in time's order, unless most of one falls together with another: that is an error. Values that
/// are not finite, and injected signals, are left out. No sample at all is an error.
[[nodiscard]] std::variant<rules::Recording, rules::RecordingError> read_range_query(
    const boost::json::value& answer);

[[nodiscard]] boost::json::object to_json(const rules::ReplayResult& result);

}  // namespace homeostat::admin
