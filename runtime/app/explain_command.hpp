// `homeostat explain <rule|endpoint>`: why is it in this state? Asks a running
// agent's management API.
//
// Exit code: 0 = explained, 1 = no answer, 2 = nothing of that name.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "runtime/app/admin_client.hpp"

namespace homeostat::app {

struct ExplainCommand {
  std::string subject;  ///< a rule's name, "/book/{id}" or "GET /book/{id}"
  AdminTarget target;
};

[[nodiscard]] int run_explain(const ExplainCommand& command);

/// The text for a subject, from the answers of GET /rules, /performance/status
/// and /performance/profiles; nothing if none of them knows it.
[[nodiscard]] std::optional<std::string> explanation_of(const std::string& subject,
                                                        const boost::json::value& rules,
                                                        const boost::json::value& status,
                                                        const boost::json::value& profiles);

}  // namespace homeostat::app
