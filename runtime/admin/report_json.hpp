// Parts of a ControlReport as JSON, shared by several routes. What is not
// known is null, never a made-up zero.
//
// Thread safety: pure functions over immutable reports.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "runtime/admin/subject.hpp"
#include "runtime/ports/control.hpp"

namespace homeostat::admin {

/// The monotonic instant of a report as wall time.
[[nodiscard]] WallTime wall_time_of(const ControlReport& report, Instant instant);

/// The value of a signal times `factor`; null unless it is usable.
[[nodiscard]] boost::json::value signal_value(const ControlReport& report, rules::SignalId id,
                                              double factor = 1);

/// The change of a signal over trend_window times `factor`; null if unknown.
[[nodiscard]] boost::json::value trend_value(const ControlReport& report, rules::SignalId id,
                                             double factor = 1);

[[nodiscard]] boost::json::array objectives_json(const ControlReport& report);
/// Where a trial stands.
[[nodiscard]] boost::json::value effect_json(const rules::TrialReport& report);
[[nodiscard]] boost::json::object current_metrics_json(const ControlReport& report);
/// Every global signal: {value, unit, quality, source, age_seconds}.
[[nodiscard]] boost::json::object signals_json(const ControlReport& report);
/// Sets `active_optimizations`, at most rows_shown of the subject's: those of the whole agent,
/// then those that prevail, then the newest; and `active_optimizations_total`.
void add_active_optimizations(const ControlReport& report, const Subject& subject,
                              boost::json::object& out);
/// The newest `count` transitions of the subject, newest first.
[[nodiscard]] boost::json::array recent_decisions_json(const ControlReport& report,
                                                       const Subject& subject, std::size_t count);
[[nodiscard]] boost::json::array actors_json(const ControlReport& report);

/// {latency and rate figures in milliseconds}; null members when no requests.
[[nodiscard]] boost::json::object window_json(const WindowFigures& figures);

}  // namespace homeostat::admin
