// `homeostat top`: a running agent live, in the terminal.
//
// Redraws once a second and when the window changes, over plain ANSI sequences, so that
// it works over ssh; says so while the agent does not answer, and goes on. Ctrl-C ends it and
// leaves the terminal as it was. Without a terminal it prints one screen and ends.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>

#include "runtime/app/admin_client.hpp"

namespace homeostat::app {

struct ScreenSize {
  std::size_t rows = 24, columns = 80;
};

/// Exit code: 0 = ended by the user, 1 = the agent does not answer at the start.
[[nodiscard]] int run_top(const AdminTarget& target);

/// The lines of one screen, each cut to the window, at most `rows`: from the
/// answers of GET /performance/status and /performance/report.
[[nodiscard]] std::string top_screen(const boost::json::value& status,
                                     const boost::json::value& report, ScreenSize size);

}  // namespace homeostat::app
