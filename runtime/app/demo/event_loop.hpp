// The story's one thread: an io_context that ends early on SIGINT and SIGTERM.
//
// Thread safety: none. The first signal sets interrupted(); every later wait
// returns at once, so that destructors end the children in order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>

#include "runtime/ports/clock.hpp"

namespace homeostat::demo {

class EventLoop {
 public:
  EventLoop();

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

  /// Runs until finish() is called (true) or a signal came (false). Calls
  /// `each` every `interval`; false from it ends the wait with false.
  [[nodiscard]] bool run(Duration interval, const std::function<bool()>& each);
  void finish() noexcept { finished_ = true; }

 private:
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  bool interrupted_ = false;
  bool finished_ = false;
};

}  // namespace homeostat::demo
