#include "runtime/app/told_alerts.hpp"

namespace homeostat::app {

void ToldAlerts::tell(const Alert& alert, const char* change, WallTime at) {
  const auto text = [](const std::string& value) {
    return value.empty() ? EventValue() : EventValue(value);
  };
  events_.publish(Event("alert", at)
                      .with("alert", alert.name)
                      .with("scope", text(alert.scope))
                      .with("severity", std::string(rules::to_string(alert.severity)))
                      .with("change", std::string(change))
                      .with("summary", text(alert.summary))
                      .with("description", text(alert.description))
                      .with("injected", alert.injected));
}

void ToldAlerts::fire(const Alert& alert, WallTime since) {
  next_.fire(alert, since);
  {
    const std::lock_guard lock(mutex_);
    const auto [found, fresh] = firing_.try_emplace({alert.name, alert.scope}, alert.severity);
    if (!fresh && std::exchange(found->second, alert.severity) == alert.severity) return;
  }
  tell(alert, "firing", since);
}

void ToldAlerts::resolve(const Alert& alert, WallTime at) {
  next_.resolve(alert, at);
  {
    const std::lock_guard lock(mutex_);
    if (firing_.erase({alert.name, alert.scope}) == 0) return;
  }
  tell(alert, "resolved", at);
}

}  // namespace homeostat::app
