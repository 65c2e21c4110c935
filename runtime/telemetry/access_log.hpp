// The access log: one line per (sampled) request, as text or JSON, written by an
// own thread through a bounded spdlog queue. A full queue drops the oldest line
// and counts it; a worker never waits.
//
// Privacy: only the path of the target is written, never its query, user info,
// nor any header but Host. Everything from outside is escaped and cut.
//
// Thread safety: `write` from any thread. Ownership: owns queue and thread,
// which exist only when the log is enabled (about 1 MiB). The destructor
// writes out what is queued. Errors: none; sink errors are counted by spdlog.
#pragma once

#include <spdlog/common.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings/log.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::telemetry {

struct AccessRecord {
  WallTime time{};          ///< when the request's head was read
  std::string_view client;  ///< address without port
  std::string_view method;
  std::string_view host;
  std::string_view target;  ///< as received; only its path is written
  int status = 0;
  std::uint64_t bytes = 0;  ///< response body
  Duration duration{};
  std::optional<Duration> upstream_duration;
  std::string_view cache_status;  ///< "hit", "miss", ...
  std::string_view endpoint;      ///< "/book/{id}"
  std::string_view request_id;
};

class AccessLog {
 public:
  static constexpr std::size_t queue_lines = 2048;

  /// `sink`: where to write; default standard output.
  explicit AccessLog(const config::LogSettings& settings, spdlog::sink_ptr sink = nullptr,
                     std::size_t queue_max = queue_lines);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  [[nodiscard]] bool enabled() const noexcept { return queue_ != nullptr; }
  /// Whether this request is to be written: 5xx always, others by a hash of the
  /// request id (of a running number if there is none), so that every agent
  /// that sees the same id decides alike.
  [[nodiscard]] bool wants(int status, std::string_view request_id) noexcept;
  /// Writes the line if `wants`.
  void write(const AccessRecord& record);

  [[nodiscard]] std::uint64_t written() const noexcept {
    return written_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t dropped() const;

  /// The line itself, without a newline.
  [[nodiscard]] static std::string format_json(const AccessRecord& record);
  [[nodiscard]] static std::string format_text(const AccessRecord& record);

 private:
  struct Queue;
  const config::LogSettings::Format format_;
  const double sample_;
  std::unique_ptr<Queue> queue_;
  std::atomic<std::uint64_t> sequence_{0}, written_{0};
};

}  // namespace homeostat::telemetry
