#include "runtime/app/top_command.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace homeostat::app {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds redraw_every{1};
constexpr std::size_t bar_width = 20;

std::optional<double> number(const json::value& value) {
  return value.is_number() ? std::optional(value.to_number<double>()) : std::nullopt;
}

std::string figure(const json::value& value, const char* unit, int decimals = 1) {
  const auto known = number(value);
  return known ? fmt::format("{:.{}f}{}", *known, decimals, unit) : "-";
}

std::string bar(const json::value& percent) {
  const auto known = number(percent);
  const double share = known ? std::clamp(*known / 100, 0.0, 1.0) : 0;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_width) + 0.5);
  return "[" + std::string(filled, '#') + std::string(bar_width - filled, '.') + "] " +
         figure(percent, "%");
}

const json::array& list(const json::value& value) {
  static const json::array empty;
  const json::array* array = value.if_array();
  return array == nullptr ? empty : *array;
}

/// Cuts to `columns` characters; UTF-8 stays whole.
std::string cut(const std::string& line, std::size_t columns) {
  std::size_t characters = 0, at = 0;
  for (; at < line.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(line[at]) & 0xC0U) != 0x80U;
    if (starts && ++characters > columns) break;
  }
  return line.substr(0, at);
}

class Screen {
 public:
  Screen(const json::value& status, const json::value& report)
      : status_(member_at(status, "performance_status")),
        report_(member_at(report, "performance_report")) {}

  std::vector<std::string> lines() {
    head();
    objectives();
    endpoints();
    active();
    decisions();
    return std::move(lines_);
  }

 private:
  void add(std::string line) { lines_.push_back(std::move(line)); }

  void head() {
    const bool emergency = member_at(status_, "emergency") == json::value(true);
    add(fmt::format("homeostat {}  level {} ({}){}", shown(member_at(status_, "version")),
                    shown(member_at(status_, "optimization_level")),
                    shown(member_at(status_, "effective_level")), emergency ? "  EMERGENCY" : ""));
    std::string injected;
    for (const auto& signal : list(member_at(status_, "injected_signals"))) {
      injected += (injected.empty() ? "INJECTED by a test: " : ", ") + shown(signal);
    }
    if (!injected.empty()) add(injected);
    if (emergency) add("  " + shown(member_at(status_, "emergency_details.reason")));
    const json::value& now = member_at(status_, "current_metrics");
    const json::value& trends = member_at(report_, "trends");
    add("cpu    " + bar(member_at(now, "cpu_percent")) + "  " +
        figure(member_at(trends, "cpu_trend"), " points in 10 min"));
    add("memory " + bar(member_at(now, "memory_percent")) + "  " +
        figure(member_at(trends, "memory_trend"), " points in 10 min"));
    const auto share = [](const json::value& value) {
      const auto known = number(value);
      return known ? fmt::format("{:.2f}%", *known * 100) : std::string("-");
    };
    add(fmt::format("rate {}/s  avg {}  p95 {}  errors {}  hits {}  limit {}",
                    figure(traffic_rate(), ""),
                    figure(member_at(now, "response_time_avg_ms"), " ms"),
                    figure(member_at(now, "response_time_p95_ms"), " ms"),
                    share(member_at(now, "error_rate")), share(member_at(now, "cache_hit_rate")),
                    figure(member_at(status_, "admission.limit"), "")));
  }

  /// The signal's name has a dot of its own.
  [[nodiscard]] json::value traffic_rate() const {
    const json::object* signals = member_at(status_, "signals").if_object();
    const json::value* rate = signals != nullptr ? signals->if_contains("traffic.rate") : nullptr;
    return rate != nullptr ? member_at(*rate, "value") : json::value();
  }

  void objectives() {
    for (const auto& row : list(member_at(report_, "objectives"))) {
      add(fmt::format("objective {}  burn {}  slow {}", shown(member_at(row, "name")),
                      figure(member_at(row, "burn"), "", 2),
                      figure(member_at(row, "burn_slow"), "", 2)));
    }
  }

  void endpoints() {
    add("");
    add(fmt::format("{:>9} {:>9} {:>9} {:>7} {:>7}  endpoint", "p95 ms", "p99 ms", "req 5m",
                    "errors", "hits"));
    std::size_t shown_rows = 0;
    for (const auto& row : list(member_at(report_, "top_slow_endpoints"))) {
      if (++shown_rows > 8) break;
      add(fmt::format(
          "{:>9} {:>9} {:>9} {:>7} {:>7}  {} {}", figure(member_at(row, "p95_duration_ms"), ""),
          figure(member_at(row, "p99_duration_ms"), ""), shown(member_at(row, "request_count")),
          shown(member_at(row, "error_count")), figure(member_at(row, "cache_hit_rate"), "", 2),
          shown(member_at(row, "method")), shown(member_at(row, "endpoint"))));
    }
  }

  void active() {
    add("");
    const auto& rows = list(member_at(status_, "active_optimizations"));
    const std::string mode = shown(member_at(status_, "optimization_mode"));
    const std::string total = shown(member_at(status_, "active_optimizations_total"));
    add((mode == "shadow" ? "would be in force, but for optimization.mode shadow: "
                          : "in force: ") +
        total);
    for (const auto& row : rows) {
      const json::value& effect = member_at(row, "effect");
      add(fmt::format("  {} {} {}{}  {}{}", shown(member_at(row, "name")),
                      shown(member_at(row, "action")), shown(member_at(row, "endpoint")),
                      effect.is_object() ? " " + shown(member_at(effect, "verdict")) : "",
                      shown(member_at(row, "reason")), marks(row)));
    }
  }

  void decisions() {
    add("");
    add("latest decisions");
    for (const auto& row : list(member_at(status_, "recent_decisions"))) {
      const json::value& place = member_at(row, "endpoint");
      add(fmt::format("  {} {}{} {} -> {}  {}{}", shown(member_at(row, "at")),
                      shown(member_at(row, "rule")), place.is_null() ? "" : " " + shown(place),
                      shown(member_at(row, "from")), shown(member_at(row, "to")),
                      shown(member_at(row, "reason")), marks(row)));
    }
  }

  const json::value& status_;
  const json::value& report_;
  std::vector<std::string> lines_;
};

ScreenSize window_size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0) return {};
  return {window.ws_row, window.ws_col};
}

/// One screen, or why there is none.
std::variant<std::string, json::value> screen_of(const AdminTarget& target, ScreenSize size) {
  auto status = get_json(target, "/api/v1/performance/status");
  if (auto* error = std::get_if<std::string>(&status)) return json::value(*error);
  auto report = get_json(target, "/api/v1/performance/report");
  if (auto* error = std::get_if<std::string>(&report)) return json::value(*error);
  return top_screen(std::get<json::value>(status), std::get<json::value>(report), size);
}

void draw(const std::variant<std::string, json::value>& screen) {
  std::cout << "\x1b[H\x1b[2J";
  if (const auto* text = std::get_if<std::string>(&screen)) {
    std::cout << *text;
  } else {
    std::cout << shown(std::get<json::value>(screen)) << "\n";
  }
  std::cout << std::flush;
}

/// Asks the agent on a thread of its own, so that an agent that hangs does not hold the terminal:
/// what is under way when the user leaves is left to itself.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(AdminTarget target)
      : target_(std::move(target)),
        timer_(context_),
        signals_(context_, SIGINT, SIGTERM),
        resized_(context_, SIGWINCH) {}

  void run() {
    const auto working = boost::asio::make_work_guard(context_);
    signals_.async_wait([this](boost::system::error_code, int) { context_.stop(); });
    follow_size();
    ask();
    context_.run();
  }

 private:
  void follow_size() {
    resized_.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      follow_size();
      ask();
    });
  }

  /// One question at a time.
  void ask() {
    if (std::exchange(asking_, true)) return;
    timer_.cancel();
    std::thread([self = shared_from_this(), size = window_size()] {
      auto screen = screen_of(self->target_, size);
      boost::asio::post(self->context_, [loop = self.get(), screen = std::move(screen)] {
        loop->answered(screen);
      });
    }).detach();
  }

  void answered(const std::variant<std::string, json::value>& screen) {
    asking_ = false;
    draw(screen);
    timer_.expires_after(redraw_every);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) ask();
    });
  }

  const AdminTarget target_;
  boost::asio::io_context context_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  boost::asio::signal_set signals_;
  boost::asio::signal_set resized_;
  bool asking_ = false;
};

}  // namespace

std::string top_screen(const json::value& status, const json::value& report, ScreenSize size) {
  std::string text;
  std::size_t rows = 0;
  for (const std::string& line : Screen(status, report).lines()) {
    if (++rows >= size.rows) break;  // the last row stays empty: no scrolling
    text += cut(line, size.columns) + "\n";
  }
  return text;
}

int run_top(const AdminTarget& target) {
  const auto first = screen_of(target, window_size());
  if (const auto* error = std::get_if<json::value>(&first)) {
    std::cerr << shown(*error) << "\n";
    return 1;
  }
  if (::isatty(STDOUT_FILENO) == 0) {
    std::cout << std::get<std::string>(first);
    return 0;
  }
  std::cout << "\x1b[?1049h\x1b[?25l";  // another screen, no cursor
  std::make_shared<Loop>(target)->run();
  std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
  return 0;
}

}  // namespace homeostat::app
