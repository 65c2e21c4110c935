// The bodies sent to Alertmanager and to webhooks. Shapes: docs/alerts.md.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/alert/alert_book.hpp"
#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::alert {

/// What every body has in common.
struct AlertContext {
  AlertIdentity identity;
  std::vector<std::pair<std::string, std::string>> labels;  ///< of the settings
  std::chrono::milliseconds expiry{240'000};                ///< endsAt of a firing alert, from now
};

/// Alertmanager v2 `POST /api/v2/alerts`: an array of postableAlert.
[[nodiscard]] std::string alertmanager_body(std::span<const AlertMessage> messages,
                                            const AlertContext& context, WallTime now);

/// One change of state or repeat for a webhook.
[[nodiscard]] std::string webhook_body(const AlertMessage& message, const AlertContext& context,
                                       WallTime now);

}  // namespace homeostat::alert
