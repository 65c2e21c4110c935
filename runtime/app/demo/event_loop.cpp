#include "runtime/app/demo/event_loop.hpp"

#include <boost/asio/steady_timer.hpp>
#include <csignal>

namespace homeostat::demo {

EventLoop::EventLoop() : signals_(context_, SIGINT, SIGTERM) {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) interrupted_ = true;
  });
}

bool EventLoop::run(Duration interval, const std::function<bool()>& each) {
  finished_ = false;
  bool failed = false, over = false;
  boost::asio::steady_timer timer(context_);
  timer.expires_after(interval);
  std::function<void(const boost::system::error_code&)> tick =
      [&](const boost::system::error_code& error) {
        if (error || finished_ || over) return;
        failed = !each();
        timer.expires_at(timer.expiry() + interval);
        timer.async_wait(tick);
      };
  timer.async_wait(tick);
  while (!finished_ && !failed && !interrupted_ && context_.run_one() > 0) {
  }
  // The handler refers to this frame: let its cancellation run here.
  over = true;
  timer.cancel();
  context_.poll();
  return finished_ && !failed && !interrupted_;
}

}  // namespace homeostat::demo
