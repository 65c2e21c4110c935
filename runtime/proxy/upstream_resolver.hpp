// Looks the names of upstream targets up again at an interval, since an application
// may move: a new container has another address behind the same name.
//
// A failed lookup changes nothing: what worked stays in force. Open connections stay
// as they are; new ones go to the new addresses. Targets given by address or Unix path
// are never looked up.
//
// Runs on the control thread's event loop; the lookups are NameLookup's.
// Thread safety: construct, start, look_up and stop on the loop's thread. Ownership:
// outlived by
// the loop and the NameLookup; shares the set.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/proxy/name_lookup.hpp"
#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {

class UpstreamResolver {
 public:
  /// Called with a target's name when its addresses have changed.
  using Changed = std::function<void(const std::string&)>;

  UpstreamResolver(boost::asio::io_context& context, NameLookup& names,
                   std::shared_ptr<UpstreamSet> set, Changed changed);
  ~UpstreamResolver();
  UpstreamResolver(const UpstreamResolver&) = delete;
  UpstreamResolver& operator=(const UpstreamResolver&) = delete;

  void start();
  /// Now, besides the interval.
  void look_up();
  void stop();

 private:
  void schedule();
  void found(UpstreamTarget& target, std::vector<SocketAddress> addresses);

  NameLookup& names_;
  std::shared_ptr<UpstreamSet> set_;
  Changed changed_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< late answers look here first
};

}  // namespace homeostat::proxy
