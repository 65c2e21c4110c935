#include "runtime/alert/memory_hook.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/alert/log.hpp"
#include "runtime/alert/utf8_text.hpp"

namespace homeostat::alert {

struct MemoryHook::State {
  boost::asio::io_context& context;
  const Clock& clock;
  const HttpUrl url;
  const std::chrono::milliseconds timeout;
  const std::chrono::milliseconds interval;
  MemoryHookCounters counters;
  std::mutex mutex;
  bool running = false;
  std::optional<Instant> last_start;

  State(boost::asio::io_context& context_in, const Clock& clock_in, HttpUrl url_in,
        std::chrono::milliseconds timeout_in, std::chrono::milliseconds interval_in)
      : context(context_in),
        clock(clock_in),
        url(std::move(url_in)),
        timeout(timeout_in),
        interval(interval_in) {}

  bool begin() {
    const Instant now = clock.now();
    const std::lock_guard lock(mutex);
    if (running || (last_start && now - *last_start < interval)) return false;
    running = true;
    last_start = now;
    return true;
  }

  void end(const HttpResult& result) {
    {
      const std::lock_guard lock(mutex);
      running = false;
    }
    if (result.success()) {
      process_log()->info("memory hook {} answered {}", url.safe_text(), result.describe());
    } else {
      counters.failures.fetch_add(1, std::memory_order_relaxed);
      process_log()->warn("memory hook {} failed: {}", url.safe_text(), result.describe());
    }
  }
};

MemoryHook::MemoryHook(boost::asio::io_context& context, const Clock& clock, HttpUrl url,
                       std::chrono::milliseconds timeout, std::chrono::milliseconds interval)
    : state_(std::make_shared<State>(context, clock, std::move(url), timeout, interval)) {}

MemoryHook::~MemoryHook() = default;

bool MemoryHook::call(const std::string& reason) {
  if (!state_->begin()) {
    state_->counters.skipped.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  state_->counters.calls.fetch_add(1, std::memory_order_relaxed);
  HttpCall request;
  request.url = state_->url;
  request.timeout = state_->timeout;
  request.body = boost::json::serialize(boost::json::object{{"reason", utf8_text(reason, 1024)}});
  http_send(state_->context, std::move(request),
            [state = state_](const HttpResult& result) { state->end(result); });
  return true;
}

const MemoryHookCounters& MemoryHook::counters() const noexcept { return state_->counters; }

}  // namespace homeostat::alert
