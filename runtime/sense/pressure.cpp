#include "runtime/sense/pressure.hpp"

#include <algorithm>
#include <string_view>

#include "runtime/sense/cpu.hpp"
#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

/// some avg10=0.00 avg60=0.00 avg300=0.00 total=10208177
std::optional<std::uint64_t> total_of(std::string_view text, std::string_view kind) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto words = split_words(text.substr(0, end));
    if (!words.empty() && words.front() == kind) {
      constexpr std::string_view key = "total=";
      for (const std::string_view word : words) {
        if (word.starts_with(key)) return parse_number(word.substr(key.size()));
      }
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<double> share(const std::optional<std::uint64_t>& before,
                            const std::optional<std::uint64_t>& now, Duration elapsed) {
  if (!before || !now || *now < *before) return std::nullopt;
  const double microseconds = std::chrono::duration<double, std::micro>(elapsed).count();
  return std::min(1.0, static_cast<double>(*now - *before) / microseconds);
}

}  // namespace

PressureReader::Sample PressureReader::sample(Instant now) {
  if (last_.readable && now - at_ < sample_interval_min) return last_;
  Sample sample;
  std::optional<std::uint64_t> some, full;
  if (const auto content = read_file(path_)) {
    some = total_of(*content, "some");
    full = total_of(*content, "full");
  }
  sample.readable = some.has_value();
  sample.some = share(some_, some, now - at_);
  sample.full = share(full_, full, now - at_);
  some_ = some;
  full_ = full;
  at_ = now;
  last_ = sample;
  return sample;
}

}  // namespace homeostat::sense
