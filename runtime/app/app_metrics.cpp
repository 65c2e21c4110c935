#include "runtime/app/app_metrics.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/alert/http_client.hpp"
#include "runtime/sense/exposition.hpp"

namespace homeostat::app {
namespace {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock>;
constexpr int stale_periods = 3;

std::optional<alert::HttpUrl> url_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto parsed = alert::parse_http_url(text);
  if (auto* url = std::get_if<alert::HttpUrl>(&parsed)) return std::move(*url);
  spdlog::error("monitor.scrape is not used: {}", std::get<alert::UrlError>(parsed).message);
  return std::nullopt;
}

}  // namespace

struct AppMetrics::State : std::enable_shared_from_this<AppMetrics::State> {
  State(boost::asio::io_context& context_in, const Clock& clock_in,
        const config::MonitorSettings& settings)
      : context(context_in),
        clock(clock_in),
        url(url_of(settings.scrape)),
        interval(settings.scrape_interval),
        timeout(settings.scrape_timeout),
        timer(context_in) {}

  boost::asio::io_context& context;
  const Clock& clock;
  const std::optional<alert::HttpUrl> url;
  const std::chrono::milliseconds interval, timeout;
  Timer timer;
  ScrapeCounters counters;
  bool stopped = false;  // on the io_context's thread
  bool failing = false;

  std::mutex mutex;  // guards what follows
  std::vector<rules::Selector> wanted;
  std::vector<rules::LabelledReading> readings;

  void wait() {
    if (stopped) return;
    timer.expires_after(interval);
    timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error) self->scrape();
    });
  }

  [[nodiscard]] std::vector<rules::Selector> selectors() {
    const std::lock_guard lock(mutex);
    return wanted;
  }

  void scrape() {
    auto asked = selectors();
    if (asked.empty()) return wait();
    counters.scrapes.fetch_add(1, std::memory_order_relaxed);
    alert::HttpCall call;
    call.method = "GET";
    call.url = *url;
    call.timeout = timeout;
    call.response_bytes_max = page_bytes_max;
    call.accept = "text/plain;version=0.0.4, */*;q=0.1";
    const Instant asked_at = clock.now();
    alert::http_send(context, std::move(call),
                     [self = shared_from_this(), asked = std::move(asked),
                      asked_at](const alert::HttpResult& result) {
                       self->take(asked, asked_at, result);
                       self->wait();
                     });
  }

  void take(const std::vector<rules::Selector>& asked, Instant at,
            const alert::HttpResult& result) {
    const bool good = result.success() && !result.body_truncated;
    if (!good) {
      counters.failures.fetch_add(1, std::memory_order_relaxed);
      if (!std::exchange(failing, true)) {
        spdlog::warn("scraping {} failed: {}", url->safe_text(),
                     result.body_truncated ? "the page is too large" : result.describe());
      }
      return;
    }
    if (std::exchange(failing, false)) spdlog::info("scraping {} works again", url->safe_text());
    const sense::ExpositionResult page = sense::read_exposition(result.body, asked);
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (page.values[i])
        keep({asked[i].key, {*page.values[i], at, rules::Quality::good, "scrape"}});
    }
  }

  void keep(const rules::LabelledReading& reading) {
    for (rules::LabelledReading& known : readings) {
      if (known.key != reading.key) continue;
      known = reading;
      return;
    }
    readings.push_back(reading);
  }
};

AppMetrics::AppMetrics(boost::asio::io_context& context, const Clock& clock,
                       const config::MonitorSettings& settings)
    : state_(std::make_shared<State>(context, clock, settings)) {}

AppMetrics::~AppMetrics() { stop(); }

void AppMetrics::start() {
  if (state_->url) state_->scrape();
}

void AppMetrics::stop() {
  state_->stopped = true;
  state_->timer.cancel();
}

void AppMetrics::want(std::vector<rules::Selector> selectors) {
  std::erase_if(selectors, [](const rules::Selector& selector) {
    return !selector.name.starts_with(rules::scrape_prefix);
  });
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->readings, [&](const rules::LabelledReading& reading) {
    return std::none_of(selectors.begin(), selectors.end(),
                        [&](const auto& selector) { return selector.key == reading.key; });
  });
  state_->wanted = std::move(selectors);
}

void AppMetrics::collect(Instant now, std::vector<rules::LabelledReading>& readings) {
  const std::lock_guard lock(state_->mutex);
  for (const rules::LabelledReading& reading : state_->readings) {
    if (now - reading.reading.at > stale_periods * state_->interval) continue;
    readings.push_back(reading);
  }
}

const ScrapeCounters& AppMetrics::counters() const noexcept { return state_->counters; }

}  // namespace homeostat::app
