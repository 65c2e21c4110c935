#include "rules/replay/recording.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "rules/expr/lexer.hpp"
#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

/// Splits one CSV record (RFC 4180, without line breaks in cells).
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      const bool doubled = c == '"' && i + 1 < line.size() && line[i + 1] == '"';
      if (c != '"' || doubled) cells.back() += c;
      if (doubled) {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// A number in base units, or a literal of the signal's unit.
std::optional<double> value_of(std::string_view text, Unit unit) {
  if (const auto plain = number_of(text)) return plain;
  Lexer lexer(text);
  const auto token = lexer.next();
  if (!token || token->kind != TokenKind::literal || token->unit != unit) return std::nullopt;
  const auto end = lexer.next();
  return end && end->kind == TokenKind::end ? std::optional(token->value) : std::nullopt;
}

Unit unit_of(const RecordedSeries& series) {
  return series.signal == SignalId::count_ ? series.selector.unit : signal_info(series.signal).unit;
}

class Reader {
 public:
  std::variant<Recording, RecordingError> run(std::string_view text) {
    while (!text.empty() && error_.message.empty()) {
      const std::size_t size = text.size();
      const std::size_t end = std::min(text.find('\n'), size);
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, size));
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      torn_ = end == size;
      if (!line.empty()) take(line);
    }
    if (torn_ && sampled_) error_ = {};
    if (!error_.message.empty()) return error_;
    if (columns_.empty() && !sampled_)
      return RecordingError{1, "the first line must be `time,<signal>,...`"};
    if (!sampled_) return RecordingError{0, "there is no sample below the header"};
    return std::move(recording_);
  }

 private:
  void fail(std::string message) { error_ = {line_, std::move(message)}; }

  void take(std::string_view line) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.front() == "time") {
      header(cells);
    } else if (columns_.empty()) {
      fail("the first line must be `time,<signal>,...`");
    } else {
      row(cells);
    }
  }

  void header(const std::vector<std::string>& cells) {
    columns_.clear();
    for (std::size_t i = 1; i < cells.size(); ++i) {
      std::string reason;
      const auto series = recording_.series_named(cells[i], reason);
      if (!series) return fail("column " + std::to_string(i + 1) + ": " + reason);
      columns_.push_back(*series);
    }
    if (columns_.empty()) fail("there is no signal beside `time`");
  }

  void row(const std::vector<std::string>& cells) {
    if (cells.size() != columns_.size() + 1) {
      return fail(std::to_string(cells.size()) + " cells; the header has " +
                  std::to_string(columns_.size() + 1));
    }
    const auto at = parse_time(cells.front());
    if (!at) return fail("'" + cells.front() + "' is no time: write RFC 3339 UTC or seconds");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cells[i + 1];
      if (cell.empty()) continue;
      const RecordedSeries& series = recording_.series()[columns_[i]];
      const auto value = value_of(cell, unit_of(series));
      if (!value) return fail("'" + cell + "' is no " + std::string(to_string(unit_of(series))));
      if (!recording_.add(columns_[i], {*at, *value})) {
        return fail("more than " + std::to_string(Recording::samples_max) + " samples");
      }
      sampled_ = true;
    }
  }

  Recording recording_;
  std::vector<std::size_t> columns_;
  std::size_t line_ = 0;
  bool sampled_ = false;
  bool torn_ = false;  ///< the line has no end
  RecordingError error_;
};

/// Takes "name[endpoint]" apart.
std::pair<std::string_view, std::string_view> split_endpoint(std::string_view name) {
  const std::size_t open = name.find('[');
  if (open == std::string_view::npos || !name.ends_with(']')) return {name, {}};
  return {name.substr(0, open), name.substr(open + 1, name.size() - open - 2)};
}

bool fill_selected(std::string_view name, RecordedSeries& series, std::string& error) {
  Lexer lexer(name);
  const auto word = lexer.next();
  if (!word || word->kind != TokenKind::identifier || !is_selected_signal(word->text)) return false;
  std::vector<LabelMatch> labels;
  const auto brace = lexer.next();
  if (brace && brace->kind == TokenKind::open_brace) {
    auto read = lexer.labels();
    if (!read) {
      error = lexer.error().message;
      return true;
    }
    labels = std::move(*read);
  }
  if (!brace) return false;
  const auto last = brace->kind == TokenKind::open_brace ? lexer.next() : brace;
  if (!last || last->kind != TokenKind::end) return false;
  series.selector = make_selector(word->text, std::move(labels));
  return true;
}

}  // namespace

std::optional<std::size_t> Recording::series_named(std::string_view name, std::string& error) {
  const auto known = places_.find(std::string(name));
  if (known != places_.end()) return known->second;
  RecordedSeries series;
  const auto [signal, endpoint] = split_endpoint(name);
  if (const auto id = find_signal(signal)) {
    const bool needs_endpoint = signal_info(*id).scope == SignalScope::endpoint;
    if (needs_endpoint == endpoint.empty()) {
      error = needs_endpoint ? "write the endpoint, as in " + std::string(signal) + "[GET /a]"
                             : "'" + std::string(signal) + "' is not of an endpoint";
      return std::nullopt;
    }
    series.signal = *id;
    series.endpoint = endpoint;
  } else if (!fill_selected(name, series, error)) {
    error = "unknown signal '" + std::string(name) + "'";
  }
  if (error.empty() && series_.size() >= series_max) {
    error = "more than " + std::to_string(series_max) + " series";
  }
  if (!error.empty()) return std::nullopt;
  places_.emplace(name, series_.size());
  series_.push_back(std::move(series));
  return series_.size() - 1;
}

bool Recording::add(std::size_t series, RecordedSample sample) {
  if (samples_ >= samples_max) return false;
  std::vector<RecordedSample>& samples = series_[series].samples;
  if (!samples.empty() && sample.at <= samples.back().at) return true;
  samples.push_back(sample);
  ++samples_;
  return true;
}

std::pair<double, double> Recording::span() const noexcept {
  std::pair<double, double> span{0, 0};
  bool first = true;
  for (const RecordedSeries& series : series_) {
    if (series.samples.empty()) continue;
    span.first =
        first ? series.samples.front().at : std::min(span.first, series.samples.front().at);
    span.second =
        first ? series.samples.back().at : std::max(span.second, series.samples.back().at);
    first = false;
  }
  return span;
}

std::variant<Recording, RecordingError> read_recording(std::string_view csv) {
  return Reader().run(csv);
}

bool is_time(double seconds) noexcept {
  constexpr double last = 4'102'444'799;   // 2099-12-31T23:59:59Z
  return seconds >= 0 && seconds <= last;  // not if it is no number
}

std::optional<double> parse_time(std::string_view text) noexcept {
  if (const auto seconds = number_of(text)) {
    return is_time(*seconds) ? seconds : std::nullopt;
  }
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  std::array<char, 40> copy{};
  if (text.size() >= copy.size() || !text.ends_with('Z')) return std::nullopt;
  std::copy(text.begin(), text.end(), copy.begin());
  int used = 0;
  if (std::sscanf(copy.data(), "%4d-%2u-%2uT%2u:%2u:%lfZ%n", &year, &month, &day, &hour, &minute,
                  &second, &used) != 6 ||
      static_cast<std::size_t>(used) != text.size()) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || hour > 23 || minute > 59 || !(second >= 0 && second < 61)) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const double at = static_cast<double>(days) * 86400 + hour * 3600.0 + minute * 60.0 + second;
  return is_time(at) ? std::optional(at) : std::nullopt;
}

std::string format_time(double seconds) {
  const std::chrono::sys_seconds at{
      std::chrono::seconds(static_cast<std::int64_t>(std::floor(seconds)))};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text.data();
}

std::string column_name(SignalId signal, std::string_view endpoint) {
  std::string name(signal_info(signal).name);
  if (!endpoint.empty()) name.append("[").append(endpoint).append("]");
  return name;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c == '\n' || c == '\r' ? ' ' : c;
  }
  return quoted + '"';
}

}  // namespace homeostat::rules
