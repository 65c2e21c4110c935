// Validation of the `alerts` section that the schema cannot express.
#include <algorithm>
#include <string>

#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/alert/http_client.hpp"

namespace homeostat::alert {

namespace {

/// Prometheus label names: [a-zA-Z_][a-zA-Z0-9_]*.
bool valid_label_name(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool reserved_label(const std::string& name) {
  return name == "alertname" || name == "severity" || name == "service" || name == "instance" ||
         name == "scope" || name == "injected";
}

}  // namespace

std::optional<std::string> validate(const config::AlertSettings& settings) {
  if (!settings.alertmanager.empty()) {
    if (const auto error = validate_url(settings.alertmanager)) {
      return "alerts.alertmanager: " + *error;
    }
    if (settings.alertmanager.find('?') != std::string::npos) {
      return "alerts.alertmanager: expected a base URL without a query";
    }
  }
  for (std::size_t i = 0; i < settings.webhooks.size(); ++i) {
    if (const auto error = validate_url(settings.webhooks[i])) {
      return "alerts.webhooks[" + std::to_string(i) + "]: " + *error;
    }
  }
  for (const auto& [name, value] : settings.labels) {
    if (!valid_label_name(name)) {
      return "alerts.labels: \"" + name + "\" is not a label name; use letters, digits and _";
    }
    if (reserved_label(name)) return "alerts.labels: \"" + name + "\" is set by homeostat itself";
  }
  if (settings.resend < config::seconds(1)) return "alerts.resend: must be at least 1s";
  if (settings.timeout < config::milliseconds(1)) return "alerts.timeout: must be positive";
  if (settings.queue_max == 0) return "alerts.queue_max: must be at least 1";
  return std::nullopt;
}

}  // namespace homeostat::alert
