// Scrapes the application's own metrics for the rules that read scrape.*.
//
// Nothing is asked of the application while no rule reads such a signal. A
// page that does not come, or without a wanted series, leaves the signal at
// its last value, and missing once that is three periods old.
//
// Thread safety: want, collect and counters from any thread; start and stop on
// the io_context's. Ownership: io_context and clock must outlive it.
// Bounds: one scrape at a time, page_bytes_max of page, monitor.scrape_timeout.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "config/settings/monitor.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::app {

struct ScrapeCounters {
  std::atomic<std::uint64_t> scrapes{0};
  std::atomic<std::uint64_t> failures{0};  ///< no page, or one that was too large
};

class AppMetrics final : public LabelledSource {
 public:
  static constexpr std::size_t page_bytes_max = std::size_t{4} * 1024 * 1024;

  /// Without monitor.scrape it provides nothing.
  AppMetrics(boost::asio::io_context& context, const Clock& clock,
             const config::MonitorSettings& settings);
  ~AppMetrics() override;

  void start();
  void stop();
  void want(std::vector<rules::Selector> selectors) override;
  void collect(Instant now, std::vector<rules::LabelledReading>& readings) override;
  [[nodiscard]] const ScrapeCounters& counters() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace homeostat::app
