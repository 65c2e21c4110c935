#include "runtime/telemetry/access_log.hpp"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <unistd.h>

#include "runtime/telemetry/descriptor_sink.hpp"
#include "runtime/telemetry/escape.hpp"
#include "runtime/telemetry/path_template.hpp"

namespace homeostat::telemetry {
namespace {

constexpr std::size_t path_bytes_max = 1024;
constexpr std::size_t field_bytes_max = 255;

/// FNV-1a with a final mix (http://www.isthe.com/chongo/tech/comp/fnv/), so that
/// every agent hashes a request id alike. 53 bits as a fraction of 1.
double hash_fraction(std::string_view text, std::uint64_t number) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ number;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// A Host field may carry user info in broken requests; that is a secret.
std::string_view without_user_info(std::string_view host) {
  const std::size_t at = host.rfind('@');
  return at == std::string_view::npos ? host : host.substr(at + 1);
}

/// Only what precedes the query; of an authority-form target only host:port.
std::string_view logged_path(std::string_view target) {
  const std::string_view path = path_of_target(target);
  return path.starts_with('/') ? path : without_user_info(path);
}

}  // namespace

struct AccessLog::Queue {
  Queue(std::size_t lines, spdlog::sink_ptr sink, std::shared_ptr<DescriptorSink> own_sink)
      : own(std::move(own_sink)),
        pool(std::make_shared<spdlog::details::thread_pool>(lines, 1)),
        logger(std::make_shared<spdlog::async_logger>(
            "access", std::move(sink), pool, spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::info);
    logger->flush_on(spdlog::level::off);
  }
  ~Queue() {
    const auto sinks = logger->sinks();
    if (own) own->leave();
    logger.reset();
    pool.reset();  // writes out the queue, as far as it is read, and joins its thread
    for (const auto& each : sinks) each->flush();
  }
  std::shared_ptr<DescriptorSink> own;  ///< null: the caller gave one
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

AccessLog::AccessLog(const config::LogSettings& settings, spdlog::sink_ptr sink,
                     std::size_t queue_max)
    : format_(settings.format), sample_(settings.access.sample) {
  if (!settings.access.enabled) return;
  std::shared_ptr<DescriptorSink> own;
  if (!sink) sink = own = std::make_shared<DescriptorSink>(STDOUT_FILENO);
  queue_ = std::make_unique<Queue>(queue_max, std::move(sink), std::move(own));
}

AccessLog::~AccessLog() = default;

bool AccessLog::wants(int status, std::string_view request_id) noexcept {
  if (!enabled()) return false;
  if (status >= 500 || sample_ >= 1) return true;
  if (sample_ <= 0) return false;
  const std::uint64_t number =
      request_id.empty() ? sequence_.fetch_add(1, std::memory_order_relaxed) : 0;
  return hash_fraction(request_id, number) < sample_;
}

void AccessLog::write(const AccessRecord& record) {
  if (!wants(record.status, record.request_id)) return;
  const bool json = format_ == config::LogSettings::Format::json;
  const std::string line = json ? format_json(record) : format_text(record);
  queue_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  written_.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t AccessLog::dropped() const {
  if (!queue_) return 0;
  return queue_->pool->overrun_counter() + (queue_->own ? queue_->own->lost() : 0);
}

std::string AccessLog::format_json(const AccessRecord& record) {
  const auto field = [](std::string_view text, std::size_t bytes_max = field_bytes_max) {
    return escape(text, EscapeStyle::json, bytes_max);
  };
  std::string line = fmt::format(
      R"({{"time":"{}","client":"{}","method":"{}","host":"{}","path":"{}","status":{},"bytes":{},)"
      R"("duration":{:.6f})",
      format_utc(record.time), field(record.client), field(record.method),
      field(without_user_info(record.host)), field(logged_path(record.target), path_bytes_max),
      record.status, record.bytes, seconds(record.duration));
  if (record.upstream_duration) {
    line += fmt::format(R"(,"upstream_duration":{:.6f})", seconds(*record.upstream_duration));
  }
  line += fmt::format(R"(,"cache":"{}","endpoint":"{}","request_id":"{}"}})",
                      field(record.cache_status), field(record.endpoint), field(record.request_id));
  return line;
}

std::string AccessLog::format_text(const AccessRecord& record) {
  const auto field = [](std::string_view text, std::size_t bytes_max = field_bytes_max) {
    return text.empty() ? std::string("-") : escape(text, EscapeStyle::text, bytes_max);
  };
  const std::string upstream =
      record.upstream_duration ? fmt::format("{:.6f}", seconds(*record.upstream_duration)) : "-";
  return fmt::format(R"({} {} "{} {}" host="{}" status={} bytes={} duration={:.6f} upstream={} )"
                     R"(cache={} endpoint="{}" id="{}")",
                     format_utc(record.time), field(record.client), field(record.method),
                     field(logged_path(record.target), path_bytes_max),
                     field(without_user_info(record.host)), record.status, record.bytes,
                     seconds(record.duration), upstream, field(record.cache_status),
                     field(record.endpoint), field(record.request_id));
}

}  // namespace homeostat::telemetry
