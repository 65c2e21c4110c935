#include "runtime/sense/exposition.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace homeostat::sense {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

/// One sample line, read from the left.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  std::string_view name() {
    std::size_t length = 0;
    while (length < rest_.size() && is_name_character(rest_[length])) ++length;
    return take(length);
  }

  bool labels(Labels& labels) {
    if (!eat('{')) return true;
    for (skip(); !eat('}'); skip()) {
      const std::string_view key = name();
      skip();
      if (key.empty() || !eat('=')) return false;
      skip();
      std::string value;
      if (!quoted(value)) return false;
      labels.emplace_back(key, std::move(value));
      skip();
      if (!eat(',') && !rest_.starts_with('}')) return false;
    }
    return true;
  }

  std::optional<double> value() {
    skip();
    const std::size_t length = std::min(rest_.find_first_of(" \t"), rest_.size());
    std::string_view digits = take(length);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0;
    const auto end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return number;
  }

 private:
  std::string_view take(std::size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  void skip() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }
  bool eat(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool quoted(std::string& value) {
    if (!eat('"')) return false;
    while (!rest_.empty() && rest_.front() != '"') {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return eat('"');
  }

  std::string_view rest_;
};

bool matches(const rules::Selector& selector, const Labels& labels) {
  return std::all_of(
      selector.labels.begin(), selector.labels.end(), [&](const rules::LabelMatch& wanted) {
        const auto found = std::find_if(labels.begin(), labels.end(), [&](const auto& label) {
          return label.first == wanted.name;
        });
        const std::string_view value = found == labels.end() ? std::string_view() : found->second;
        return (value == wanted.value) == wanted.equal;
      });
}

bool is_for(const rules::Selector& selector, std::string_view metric) {
  const std::string_view name = selector.name;
  return name.starts_with(rules::scrape_prefix) &&
         name.substr(rules::scrape_prefix.size()) == metric;
}

}  // namespace

ExpositionResult read_exposition(std::string_view text,
                                 std::span<const rules::Selector> selectors) {
  ExpositionResult result;
  result.values.resize(selectors.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (whole.ends_with('\r')) whole.remove_suffix(1);
    if (whole.empty() || whole.front() == '#') continue;
    Line line(whole);
    const std::string_view metric = line.name();
    const bool asked = std::any_of(selectors.begin(), selectors.end(),
                                   [&](const auto& selector) { return is_for(selector, metric); });
    if (!metric.empty() && !asked) {  // by far the most lines
      ++result.samples;
      continue;
    }
    Labels labels;
    const bool readable = !metric.empty() && line.labels(labels);
    const std::optional<double> value = readable ? line.value() : std::nullopt;
    if (!value) {
      ++result.bad_lines;
      continue;
    }
    ++result.samples;
    if (!std::isfinite(*value)) continue;
    for (std::size_t i = 0; i < selectors.size(); ++i) {
      if (!is_for(selectors[i], metric) || !matches(selectors[i], labels)) continue;
      result.values[i] = result.values[i].value_or(0) + *value;
    }
  }
  return result;
}

}  // namespace homeostat::sense
