#include "runtime/sense/pressure.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "runtime/sense/cpu.hpp"
#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

std::optional<double> percent(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= 0 && value <= 100)) return std::nullopt;
  return value / 100;
}

/// One line: some avg10=0.00 avg60=0.00 avg300=0.00 total=10208177
struct Line {
  std::optional<double> average;  ///< of the last ten seconds, 0..1
  std::optional<std::uint64_t> total;
};

Line line_of(std::string_view text, std::string_view kind) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto words = split_words(text.substr(0, end));
    if (!words.empty() && words.front() == kind) {
      Line line;
      constexpr std::string_view average = "avg10=", total = "total=";
      for (const std::string_view word : words) {
        if (word.starts_with(average)) line.average = percent(word.substr(average.size()));
        if (word.starts_with(total)) line.total = parse_number(word.substr(total.size()));
      }
      return line;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return {};
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
  Line some, full;
  if (const auto content = read_file(path_)) {
    some = line_of(*content, "some");
    full = line_of(*content, "full");
  }
  sample.readable = some.total.has_value();
  sample.some = share(some_, some.total, now - at_);
  sample.full = share(full_, full.total, now - at_);
  if (sample.full) sample.full_lasting = full.average;
  if (sample.full_lasting) sample.full_lasting = std::min(*sample.full_lasting, *sample.full);
  some_ = some.total;
  full_ = full.total;
  at_ = now;
  last_ = sample;
  return sample;
}

}  // namespace homeostat::sense
