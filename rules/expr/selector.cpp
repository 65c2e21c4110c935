#include "rules/expr/selector.hpp"

#include <algorithm>
#include <array>

namespace homeostat::rules {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

const std::vector<std::string_view>& objective_signals() {
  static const std::vector<std::string_view> names{"slo.burn", "slo.burn_slow"};
  return names;
}

bool is_selected_signal(std::string_view name) noexcept {
  if (name.starts_with(scrape_prefix)) return name.size() > scrape_prefix.size();
  const auto& names = objective_signals();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::uint64_t key_of(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

bool is_counter_name(std::string_view name) noexcept {
  return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
         name.ends_with("_bucket");
}

Unit unit_of_metric(std::string_view name) noexcept {
  if (name.ends_with("_count") || name.ends_with("_bucket")) return Unit::number;
  constexpr std::array<std::string_view, 5> endings{"_total", "_sum", "_max", "_min", "_avg"};
  for (const std::string_view ending : endings) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  if (name.ends_with("_seconds")) return Unit::duration;
  if (name.ends_with("_bytes")) return Unit::bytes;
  return name.ends_with("_ratio") ? Unit::ratio : Unit::number;
}

Selector make_selector(std::string_view name, std::vector<LabelMatch> labels) {
  Selector selector;
  selector.name = name;
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  selector.labels = std::move(labels);
  selector.text = name;
  for (const LabelMatch& label : selector.labels) {
    selector.text += &label == &selector.labels.front() ? '{' : ',';
    selector.text += label.name + (label.equal ? "=\"" : "!=\"") + escaped(label.value) + '"';
  }
  if (!selector.labels.empty()) selector.text += '}';
  selector.key = key_of(selector.text);
  if (name.starts_with(scrape_prefix)) selector.unit = unit_of_metric(name);
  return selector;
}

}  // namespace homeostat::rules
