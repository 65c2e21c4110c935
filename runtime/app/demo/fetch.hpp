// One GET to a service on this machine, waited for; for figures between phases.
//
// Blocking with a deadline of two seconds per step; at most 4 MiB.
// Thread safety: free function without state. Errors: nothing on any failure
// or a status other than 200.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace homeostat::demo {

[[nodiscard]] std::optional<std::string> fetch(std::uint16_t port, const std::string& path);
[[nodiscard]] std::optional<boost::json::value> fetch_json(std::uint16_t port,
                                                           const std::string& path);

/// A number by its path of member names; 0 if it is not there.
[[nodiscard]] double number_at(const boost::json::value& document, const std::string& pointer);

}  // namespace homeostat::demo
