// Validation of the `alerts` section that the schema cannot express.
#include <string>
#include <utility>

#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/alert/http_client.hpp"

namespace homeostat::alert {

std::vector<SettingProblem> validate(const config::AlertSettings& settings) {
  std::vector<SettingProblem> problems;
  if (!settings.alertmanager.empty()) {
    if (auto error = validate_url(settings.alertmanager)) {
      problems.push_back({"alerts.alertmanager", std::move(*error)});
    } else if (settings.alertmanager.find('?') != std::string::npos) {
      problems.push_back({"alerts.alertmanager", "expected a base URL without a query"});
    }
  }
  for (std::size_t i = 0; i < settings.webhooks.size(); ++i) {
    if (auto error = validate_url(settings.webhooks[i])) {
      problems.push_back({"alerts.webhooks[" + std::to_string(i) + "]", std::move(*error)});
    }
  }
  return problems;
}

}  // namespace homeostat::alert
