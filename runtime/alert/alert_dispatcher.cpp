#include "runtime/alert/alert_dispatcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <mutex>
#include <random>
#include <utility>

#include "runtime/alert/alert_book.hpp"
#include "runtime/alert/alert_json.hpp"
#include "runtime/alert/backoff.hpp"
#include "runtime/alert/http_client.hpp"
#include "runtime/alert/log.hpp"

namespace homeostat::alert {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t batch_max = 64;
constexpr unsigned log_every_failures = 10;

/// Statuses that condemn the message itself, so that trying again is useless.
bool condemns_message(unsigned status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

spdlog::level::level_enum log_level(rules::Severity severity) {
  switch (severity) {
    case rules::Severity::info: return spdlog::level::info;
    case rules::Severity::warning: return spdlog::level::warn;
    case rules::Severity::critical: return spdlog::level::err;
  }
  return spdlog::level::warn;
}

}  // namespace

/// Shared with every handler left in the io_context. `mutex` guards the book
/// and the targets' `last_error`; everything else is touched on the strand.
struct AlertDispatcher::State : std::enable_shared_from_this<State> {
  struct Target {
    HttpUrl url;
    bool alertmanager = false;
    Backoff backoff;
    asio::steady_timer retry;
    std::size_t batch = 1;
    bool busy = false;  ///< a call or a back-off is under way
    std::string last_error;
  };

  asio::io_context& context;
  asio::strand<asio::io_context::executor_type> strand;
  const Clock& clock;
  const AlertTiming timing;
  const std::chrono::milliseconds timeout;
  AlertContext alert_context;
  asio::steady_timer repeat_timer;
  std::vector<Target> targets;
  mutable std::mutex mutex;
  std::optional<AlertBook> book;
  bool woken = false;    ///< a wake() is queued (guarded by mutex)
  bool stopped = false;  ///< guarded by mutex

  State(asio::io_context& context_in, const Clock& clock_in, const config::AlertSettings& settings,
        AlertIdentity identity, const AlertTiming& timing_in)
      : context(context_in),
        strand(asio::make_strand(context_in)),
        clock(clock_in),
        timing(timing_in),
        timeout(settings.timeout),
        alert_context{std::move(identity), settings.labels, 4 * timing_in.resend},
        repeat_timer(strand) {
    if (!settings.alertmanager.empty()) {
      std::string url = settings.alertmanager;
      while (url.ends_with('/')) url.pop_back();
      add_target(url + "/api/v2/alerts", true);
    }
    for (const std::string& url : settings.webhooks) add_target(url, false);
    std::vector<bool> repeat_resolved;
    for (const Target& target : targets) repeat_resolved.push_back(target.alertmanager);
    book.emplace(timing, settings.queue_max, std::move(repeat_resolved));
  }

  void add_target(const std::string& text, bool alertmanager) {
    auto parsed = parse_http_url(text);
    if (const auto* error = std::get_if<UrlError>(&parsed)) {
      process_log()->error("alert target left out: {}", error->message);
      return;
    }
    std::random_device entropy;
    targets.push_back(Target{std::get<HttpUrl>(std::move(parsed)),
                             alertmanager,
                             Backoff(timing.backoff_min, timing.backoff_max, entropy()),
                             asio::steady_timer(strand),
                             alertmanager ? batch_max : 1,
                             false,
                             {}});
  }

  [[nodiscard]] Moment now() const { return {clock.now(), clock.wall_now()}; }

  /// REQUIRES: mutex held. One queued wake is enough for any number of calls.
  void wake_locked() {
    if (stopped || std::exchange(woken, true)) return;
    asio::post(strand, [self = shared_from_this()] { self->wake(); });
  }

  void wake() {
    {
      const std::lock_guard lock(mutex);
      woken = false;
      if (stopped) return;
      book->tick(clock.now());
    }
    for (std::size_t i = 0; i < targets.size(); ++i) pump(i);
    schedule_repeats();
  }

  void schedule_repeats() {
    std::optional<Instant> due;
    {
      const std::lock_guard lock(mutex);
      if (stopped) return;
      due = book->next_due();
    }
    if (!due) return;
    // Never in a tight loop, even if the clock given does not move.
    const auto wait = std::max<Duration>(*due - clock.now(), std::chrono::milliseconds(1));
    repeat_timer.expires_after(wait);
    repeat_timer.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->wake();
    });
  }

  void pump(std::size_t index) {
    Target& target = targets[index];
    if (target.busy) return;
    std::vector<AlertMessage> messages;
    {
      const std::lock_guard lock(mutex);
      if (stopped) return;
      messages = book->take(index, target.batch);
    }
    if (messages.empty()) {
      target.batch = target.alertmanager ? batch_max : 1;  // whatever was refused is out
      return;
    }
    target.busy = true;
    HttpCall call;
    call.url = target.url;
    call.timeout = timeout;
    const WallTime wall = clock.wall_now();
    call.body = target.alertmanager ? alertmanager_body(messages, alert_context, wall)
                                    : webhook_body(messages.front(), alert_context, wall);
    http_send(context, std::move(call),
              [self = shared_from_this(), index, count = messages.size()](HttpResult result) {
                asio::post(self->strand, [self, index, count, result = std::move(result)] {
                  self->on_result(index, count, result);
                });
              });
  }

  void on_result(std::size_t index, std::size_t count, const HttpResult& result) {
    Target& target = targets[index];
    if (result.success()) return on_success(index);
    if (condemns_message(result.status)) {
      if (count > 1) {
        target.batch = 1;  // find the one message that is refused
        const std::lock_guard lock(mutex);
        book->failed(index);
      } else {
        process_log()->error("{} refused an alert for good: {} {}", target.url.safe_text(),
                             result.describe(), result.body.substr(0, 200));
        target.batch = target.alertmanager ? batch_max : 1;
        const std::lock_guard lock(mutex);
        book->rejected(index);
        target.last_error = result.describe();
      }
      target.busy = false;
      return pump(index);
    }
    on_failure(index, result);
  }

  void on_success(std::size_t index) {
    Target& target = targets[index];
    if (target.backoff.failures() > 0) {
      process_log()->info("alerts reach {} again", target.url.safe_text());
    }
    target.backoff.reset();
    {
      const std::lock_guard lock(mutex);
      book->delivered(index);
      target.last_error.clear();
    }
    target.busy = false;
    pump(index);
  }

  void on_failure(std::size_t index, const HttpResult& result) {
    Target& target = targets[index];
    const auto wait = target.backoff.next();
    if (target.backoff.failures() % log_every_failures == 1) {
      process_log()->warn("cannot deliver alerts to {}: {} (failure {}, next try in {} ms)",
                          target.url.safe_text(), result.describe(), target.backoff.failures(),
                          wait.count());
    }
    {
      const std::lock_guard lock(mutex);
      book->failed(index);
      target.last_error = result.describe();
      if (stopped) return;
    }
    target.retry.expires_after(wait);
    target.retry.async_wait([self = shared_from_this(), index](error_code error) {
      if (error) return;
      self->targets[index].busy = false;
      self->pump(index);
    });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      if (std::exchange(stopped, true)) return;
    }
    asio::post(strand, [self = shared_from_this()] {
      self->repeat_timer.cancel();
      for (Target& target : self->targets) target.retry.cancel();
    });
  }

  static void add(AlertFigures& sum, const AlertFigures& part) {
    sum.sent += part.sent;
    sum.failed += part.failed;
    sum.dropped += part.dropped;
    sum.superseded += part.superseded;
    sum.queue_length += part.queue_length;
  }
};

AlertDispatcher::AlertDispatcher(asio::io_context& context, const Clock& clock,
                                 const config::AlertSettings& settings, AlertIdentity identity,
                                 std::optional<AlertTiming> timing)
    : state_(std::make_shared<State>(context, clock, settings, std::move(identity),
                                     timing.value_or(AlertTiming::of(settings)))) {}

AlertDispatcher::~AlertDispatcher() { stop(); }

void AlertDispatcher::fire(const Alert& alert, WallTime since) {
  BookChange change = BookChange::none;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopped) return;
    change = state_->book->fire(alert, since, state_->now());
    if (change == BookChange::fired) state_->wake_locked();
  }
  if (change == BookChange::fired) {
    process_log()->log(log_level(alert.severity), "alert firing: {} scope=\"{}\" severity={}{}: {}",
                       alert.name, alert.scope, rules::to_string(alert.severity),
                       alert.injected ? " injected" : "", alert.summary);
  } else if (change == BookChange::refused) {
    process_log()->error("alert {} scope=\"{}\" not delivered: {} alerts are known already",
                         alert.name, alert.scope, state_->timing.alerts_max);
  }
}

void AlertDispatcher::resolve(const Alert& alert, WallTime at) {
  BookChange change = BookChange::none;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopped) return;
    change = state_->book->resolve(alert, at, state_->now());
    if (change == BookChange::resolved) state_->wake_locked();
  }
  if (change == BookChange::resolved) {
    process_log()->info("alert resolved: {} scope=\"{}\"", alert.name, alert.scope);
  }
}

void AlertDispatcher::stop() { state_->stop(); }

AlertFigures AlertDispatcher::figures() const {
  AlertFigures sum;
  const std::lock_guard lock(state_->mutex);
  for (std::size_t i = 0; i < state_->targets.size(); ++i) {
    State::add(sum, state_->book->figures(i));
  }
  sum.dropped += state_->book->refused();
  return sum;
}

std::vector<AlertTargetFigures> AlertDispatcher::targets() const {
  std::vector<AlertTargetFigures> out;
  const std::lock_guard lock(state_->mutex);
  for (std::size_t i = 0; i < state_->targets.size(); ++i) {
    const auto& target = state_->targets[i];
    out.push_back({target.url.safe_text(), target.alertmanager ? "alertmanager" : "webhook",
                   state_->book->figures(i), target.last_error});
  }
  return out;
}

std::size_t AlertDispatcher::firing() const {
  const std::lock_guard lock(state_->mutex);
  return state_->book->firing();
}

}  // namespace homeostat::alert
