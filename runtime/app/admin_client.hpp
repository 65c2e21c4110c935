// Asks a running agent's management API, for the command line.
//
// Blocking. Thread safety: none shared. Bounds: five seconds, 16 MiB of answer.
// Errors: text that names the URL.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <variant>

namespace homeostat::app {

struct AdminTarget {
  std::string url = "http://127.0.0.1:9180";
  std::string token;  ///< empty: HOMEOSTAT_ADMIN_TOKEN, if set
};

[[nodiscard]] std::variant<boost::json::value, std::string> get_json(const AdminTarget& target,
                                                                     const std::string& path);

/// A member by its path ("performance_status.signals"); null if it is absent.
[[nodiscard]] const boost::json::value& member_at(const boost::json::value& document,
                                                  const std::string& path);
/// A value as people read it; "-" for null.
[[nodiscard]] std::string shown(const boost::json::value& value);
/// What a reader must know of an action or a decision before he believes it: " [shadow]" and the
/// like, or nothing.
[[nodiscard]] std::string marks(const boost::json::value& of);

}  // namespace homeostat::app
