// A sink of spdlog's that writes to a descriptor and waits for its reader, for the thread of an
// asynchronous logger: a reader that stalls stops that thread and nobody else.
//
// spdlog's own console sinks share one mutex in the whole process, and write without end; so a
// stalled reader of standard output would stop whoever logs to standard error.
// Thread safety: as base_sink; leave() and lost() from any thread. Ownership: the descriptor
// stays the caller's. Bounds: after leave() it waits `exit_patience` in all, then drops.
// Errors: a line that cannot be written is counted as lost.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace homeostat::telemetry {

class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static constexpr std::chrono::milliseconds exit_patience{1000};

  /// With colours on a terminal.
  explicit DescriptorSink(int descriptor);

  /// The process ends: no more than `exit_patience` from now on.
  void leave() noexcept { leaving_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  static constexpr std::chrono::milliseconds look{100};

  [[nodiscard]] bool wait_for_room();
  void write(std::string_view text);

  const int descriptor_;
  const bool colours_;
  std::atomic<bool> leaving_{false};
  int looks_left_ = static_cast<int>(exit_patience / look);
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace homeostat::telemetry
