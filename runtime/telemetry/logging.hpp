// The process-wide log: one spdlog logger named "homeostat", which is also
// spdlog's default logger, so that every room may log through spdlog::info().
// Writes to standard error, as lines for people or as one JSON object a line; control
// characters of a message are escaped in both, so that no text can forge a line.
//
// Nobody waits for the reader of standard error but a thread of the log's own. Bounds: a queue
// of `log_queue_lines`, whose oldest line is dropped and counted when it is full; at the end
// DescriptorSink::exit_patience.
// Thread safety: any thread. Errors: an unknown level counts as info.
#pragma once

#include <spdlog/common.h>
#include <spdlog/formatter.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/settings/log.hpp"

namespace spdlog {
class logger;
}

namespace homeostat::telemetry {

inline constexpr std::size_t log_queue_lines = 1024;

/// Installs the logger, or reconfigures it in place when there is one already
/// (reload): level and format change, handles held by others stay valid.
/// `sink`: where to write; default standard error, with colour on a terminal.
std::shared_ptr<spdlog::logger> setup_logging(const config::LogSettings& settings,
                                              spdlog::sink_ptr sink = nullptr);

/// trace, debug, info, warn, error.
[[nodiscard]] spdlog::level::level_enum parse_log_level(std::string_view level) noexcept;

/// Lines that were never written because standard error took no more.
[[nodiscard]] std::uint64_t log_lines_dropped() noexcept;

/// Writes out what is queued, for a process that ends without a clean-up. Nothing may be
/// logged afterwards.
void finish_logging();

/// Changes the level at run time.
void set_log_level(std::string_view level);

/// {"time":"...Z","level":"info","logger":"homeostat","message":"..."}
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_json_formatter();

/// Control characters, quotes and backslashes escaped, for one-line console
/// output of text that came from outside.
[[nodiscard]] std::string escape_text(std::string_view text);

}  // namespace homeostat::telemetry
