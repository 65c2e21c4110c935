// Active health checks: asks each upstream target for a path at an interval and
// marks it healthy or unhealthy after some answers in a row. A final status of 2xx or
// 3xx is healthy. Of a name with several addresses each is tried before the check fails.
//
// Runs on the control thread's event loop, never on a worker. Off without a
// configured path.
// Thread safety: construct, start and stop on the loop's thread.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {

class HealthChecker {
 public:
  /// Called when a target changes: (name, healthy, reason).
  using Change = std::function<void(const std::string&, bool, const std::string&)>;

  HealthChecker(boost::asio::io_context& context, std::shared_ptr<UpstreamSet> set, Change change);
  ~HealthChecker();

  void start();
  void stop();

 private:
  struct Probe;
  void schedule();
  void probe_all();

  boost::asio::io_context& context_;
  std::shared_ptr<UpstreamSet> set_;
  Change change_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  std::vector<std::shared_ptr<Probe>> probes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< late timers look here first
  bool stopped_ = false;
};

}  // namespace homeostat::proxy
