#include "runtime/telemetry/escape.hpp"

#include <fmt/format.h>

namespace homeostat::telemetry {
namespace {

/// U+0080 to U+009F in UTF-8; terminals obey some of them.
bool is_c1(std::string_view pair) noexcept {
  const auto second = static_cast<unsigned char>(pair.back());
  return pair.size() == 2 && pair.front() == '\xc2' && second >= 0x80 && second < 0xa0;
}

}  // namespace

std::string escape(std::string_view text, EscapeStyle style, std::size_t bytes_max) {
  const bool cut = text.size() > bytes_max;
  std::string out;
  out.reserve(text.size() + 8);
  for (const char c : text.substr(0, bytes_max)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      const auto byte = static_cast<unsigned>(static_cast<unsigned char>(c));
      out += style == EscapeStyle::json ? fmt::format("\\u{:04x}", byte)
                                        : fmt::format("\\x{:02x}", byte);
    }
  }
  if (cut) out += "...";
  return out;
}

std::string escape_controls(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = is_c1(text.substr(i, 2)) || (i > 0 && is_c1(text.substr(i - 1, 2)));
    if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f || c1) {
      out += fmt::format("\\x{:02x}", unsigned{byte});
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string format_utc(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:03d}Z",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace homeostat::telemetry
