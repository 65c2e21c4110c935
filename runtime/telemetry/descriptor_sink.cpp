#include "runtime/telemetry/descriptor_sink.hpp"

#include <poll.h>
#include <spdlog/details/os.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace homeostat::telemetry {
namespace {

constexpr std::string_view plain = "\033[m";

std::string_view colour_of(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::trace: return "\033[37m";
    case spdlog::level::debug: return "\033[36m";
    case spdlog::level::info: return "\033[32m";
    case spdlog::level::warn: return "\033[33m\033[1m";
    case spdlog::level::err: return "\033[31m\033[1m";
    default: return "\033[1m\033[41m";
  }
}

void append(spdlog::memory_buf_t& to, std::string_view text) {
  to.append(text.data(), text.data() + text.size());
}

}  // namespace

DescriptorSink::DescriptorSink(int descriptor)
    : descriptor_(descriptor),
      colours_(::isatty(descriptor) == 1 && spdlog::details::os::is_color_terminal()) {}

void DescriptorSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  const std::string_view text(line.data(), line.size());
  const std::size_t from = message.color_range_start;
  const std::size_t to = message.color_range_end;
  if (!colours_ || from >= to || to > text.size()) {
    write(text);
    return;
  }
  spdlog::memory_buf_t coloured;
  append(coloured, text.substr(0, from));
  append(coloured, colour_of(message.level));
  append(coloured, text.substr(from, to - from));
  append(coloured, plain);
  append(coloured, text.substr(to));
  write({coloured.data(), coloured.size()});
}

/// False: the reader takes nothing, and the process ends.
bool DescriptorSink::wait_for_room() {
  for (;;) {
    const bool leaving = leaving_.load(std::memory_order_relaxed);
    pollfd waited{descriptor_, POLLOUT, 0};
    const int ready =
        ::poll(&waited, 1, leaving && looks_left_ == 0 ? 0 : static_cast<int>(look.count()));
    if (ready > 0) return true;  // or broken: write says so
    if (ready < 0 && errno != EINTR) return false;
    if (!leaving) continue;
    if (looks_left_ == 0) return false;
    --looks_left_;
  }
}

void DescriptorSink::write(std::string_view text) {
  while (!text.empty()) {
    // A pipe that has room at all takes this much at once.
    const std::size_t most = std::min<std::size_t>(text.size(), PIPE_BUF);
    const ssize_t written = wait_for_room() ? ::write(descriptor_, text.data(), most) : -1;
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (leaving_.load(std::memory_order_relaxed) || (errno != EINTR && errno != EAGAIN)) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
}

}  // namespace homeostat::telemetry
