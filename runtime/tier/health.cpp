#include "runtime/tier/health.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::tier {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

void add(std::optional<std::uint64_t>& total, std::string_view value) {
  if (const auto number = number_of(value)) total = total.value_or(0) + *number;
}

void add_line(std::string_view name, std::string_view value, HealthReport& report) {
  if (name == "used_memory") add(report.memory_bytes, value);
  if (name == "maxmemory") add(report.memory_bytes_max, value);
  if (name == "evicted_keys") add(report.evicted_keys, value);
  if (name == "connected_clients") add(report.clients, value);
  if (name == "total_commands_processed") add(report.commands_total, value);
  if (name == "keyspace_hits") add(report.keyspace_hits, value);
  if (name == "keyspace_misses") add(report.keyspace_misses, value);
  // db0:keys=1,expires=1,avg_ttl=0
  constexpr std::string_view keys = "keys=";
  if (name.starts_with("db") && value.starts_with(keys)) {
    add(report.keys, value.substr(keys.size()));
  }
  // Of several servers the youngest: that is when something happened last.
  if (const auto uptime = number_of(value); name == "uptime_in_seconds" && uptime) {
    report.uptime_seconds = std::min(report.uptime_seconds.value_or(*uptime), *uptime);
  }
}

}  // namespace

void add_info(std::string_view info, HealthReport& report) {
  if (!report.keys) report.keys = 0;  // a database without keys is not listed
  while (!info.empty()) {
    const std::size_t end = std::min(info.find('\n'), info.size());
    std::string_view line = info.substr(0, end);
    info.remove_prefix(std::min(end + 1, info.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    add_line(line.substr(0, colon), line.substr(colon + 1), report);
  }
}

Health::Health(boost::asio::io_context& context, const Clock& clock, redis::Client& client,
               const redis::CallCounters& calls, LogLine log)
    : clock_(clock), client_(client), calls_(calls), log_(std::move(log)), timer_(context) {}

void Health::start() {
  stopped_ = false;
  report_.trouble = "not connected yet";
  arm(Duration::zero());
}

void Health::stop() noexcept {
  stopped_ = true;
  timer_.cancel();
}

void Health::arm(Duration wait) {
  timer_.expires_after(wait);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_) ask();
  });
}

void Health::ask() {
  const Instant asked = clock_.now();
  if (const auto line = errors_.next(calls_, asked)) log_(*line);
  client_.call_each(redis::make_command({"INFO"}), answer_max,
                    [this, asked](const std::vector<redis::CallResult>& results) {
                      if (stopped_) return;
                      HealthReport report;
                      for (const redis::CallResult& result : results) {
                        if (!result.ok()) continue;
                        report.answered_in = clock_.now() - asked;
                        add_info(result.reply.text, report);
                      }
                      report.up = client_.up();
                      report.trouble = client_.trouble();
                      const std::lock_guard lock(mutex_);
                      report_ = std::move(report);
                      // That it is back is told sooner than that it is still there.
                      arm(report_.up ? interval : interval / 10);
                    });
}

HealthReport Health::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace homeostat::tier
