#include "runtime/telemetry/logging.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <iterator>

#include "runtime/telemetry/descriptor_sink.hpp"
#include "runtime/telemetry/escape.hpp"

namespace homeostat::telemetry {
namespace {

constexpr const char* logger_name = "homeostat";
// %* is the message with its control characters escaped.
constexpr const char* console_pattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %*";
constexpr std::string_view newline = "\n";

void append(spdlog::memory_buf_t& to, std::string_view text) {
  to.append(text.data(), text.data() + text.size());
}

std::string_view view(spdlog::string_view_t text) { return {text.data(), text.size()}; }

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    append(out, R"({"time":")");
    append(out, format_utc(message.time));
    append(out, R"(","level":")");
    append(out, view(spdlog::level::to_string_view(message.level)));
    append(out, R"(","logger":")");
    append(out, escape(view(message.logger_name), EscapeStyle::json));
    append(out, R"(","message":")");
    append(out, escape(view(message.payload), EscapeStyle::json));
    append(out, R"("})");
    append(out, newline);
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

/// One message is one line, whatever a client or an operator's command put into it.
class OneLineMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    append(out, escape_controls(view(message.payload)));
  }
  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<OneLineMessage>();
  }
};

/// Standard error, and the thread that writes to it.
struct Console {
  ~Console() { finish(); }
  void finish() {
    sink->leave();
    pool.reset();  // writes out the queue, as far as it is read, and joins its thread
  }
  std::shared_ptr<DescriptorSink> sink = std::make_shared<DescriptorSink>(STDERR_FILENO);
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(log_queue_lines, 1);
};

std::atomic<Console*> console_in_use{nullptr};

/// Made by the first logger that needs it; ends with the process.
Console& console() {
  static Console only;
  console_in_use.store(&only);
  return only;
}

std::shared_ptr<spdlog::logger> make_console_logger() {
  Console& to = console();
  return std::make_shared<spdlog::async_logger>(logger_name, to.sink, to.pool,
                                                spdlog::async_overflow_policy::overrun_oldest);
}

std::unique_ptr<spdlog::formatter> make_console_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<OneLineMessage>('*').set_pattern(console_pattern);
  return formatter;
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_json_formatter() {
  return std::make_unique<JsonFormatter>();
}

spdlog::level::level_enum parse_log_level(std::string_view level) noexcept {
  if (level == "trace") return spdlog::level::trace;
  if (level == "debug") return spdlog::level::debug;
  if (level == "warn" || level == "warning") return spdlog::level::warn;
  if (level == "error") return spdlog::level::err;
  if (level == "off") return spdlog::level::off;
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> setup_logging(const config::LogSettings& settings,
                                              spdlog::sink_ptr sink) {
  auto logger = spdlog::get(logger_name);
  if (!logger || sink) {
    logger = sink ? std::make_shared<spdlog::logger>(logger_name, std::move(sink))
                  : make_console_logger();
    spdlog::set_default_logger(logger);  // replaces one of the same name, too
  }
  if (settings.format == config::LogSettings::Format::json) {
    logger->set_formatter(make_json_formatter());
  } else {
    logger->set_formatter(make_console_formatter());
  }
  logger->set_level(parse_log_level(settings.level));
  return logger;
}

std::uint64_t log_lines_dropped() noexcept {
  const Console* const used = console_in_use.load();
  if (used == nullptr || !used->pool) return 0;
  return used->pool->overrun_counter() + used->sink->lost();
}

void finish_logging() {
  if (Console* const used = console_in_use.load()) used->finish();
}

void set_log_level(std::string_view level) {
  if (const auto logger = spdlog::get(logger_name)) logger->set_level(parse_log_level(level));
}

std::string escape_text(std::string_view text) { return escape(text, EscapeStyle::text); }

}  // namespace homeostat::telemetry
