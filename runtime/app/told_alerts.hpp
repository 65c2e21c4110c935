// Passes alerts on and tells each change to those who watch events.
//
// Thread safety: any thread. Ownership: both ends must outlive it. Memory: one
// entry per alert that fires; who fires them is bounded (256 by the control
// plane, one per upstream target by the agent).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/events.hpp"

namespace homeostat::app {

class ToldAlerts final : public AlertSink {
 public:
  ToldAlerts(AlertSink& next, EventLog& events) : next_(next), events_(events) {}

  void fire(const Alert& alert, WallTime since) override;
  void resolve(const Alert& alert, WallTime at) override;

 private:
  void tell(const Alert& alert, const char* change, WallTime at);

  AlertSink& next_;
  EventLog& events_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, rules::Severity> firing_;  ///< name, scope
};

}  // namespace homeostat::app
