// What a route handler returns: JSON members, a problem (RFC 9457), or raw text.
//
// Plain values. Thread safety: none needed.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeostat::admin {

struct RawBody {
  std::string content_type;
  std::string text;
};

struct Reply {
  unsigned status = 200;
  boost::json::object members;  ///< timestamp, correlation_id and service are added
  std::optional<RawBody> raw;   ///< set: sent as it is instead of JSON
  bool problem = false;
  /// Set: the rest comes later, by calling what it is given, at most once, on the admin
  /// thread; maybe at once.
  std::function<void(std::function<void(Reply)> done)> later;
  /// May be set with `later`: called on the admin thread when nobody waits for the rest any more.
  std::function<void()> abandoned;
  std::optional<std::uint64_t> events_after;  ///< set: an event stream instead of a body
  std::vector<std::pair<std::string, std::string>> headers;
};

/// The reason phrase of a status this API uses (RFC 9110 section 15).
[[nodiscard]] std::string status_title(unsigned status);

/// A problem: type about:blank, title from the status, `detail` for people.
[[nodiscard]] Reply problem(unsigned status, std::string detail,
                            std::vector<std::string> errors = {});

/// JSON text with plain decimal numbers ("85.5", not "8.55E1"), two spaces of
/// indentation; NaN and infinities become null.
[[nodiscard]] std::string json_text(const boost::json::value& value);

}  // namespace homeostat::admin
