// Signals outside the closed catalogue: a name and label matchers, as in
//
//   scrape.db_pool_in_use{pool="main", state!="idle"}
//   slo.burn{objective="checkout"}
//
// What a selector reads is decided where the values come from: series of the
// application's own metrics are added up over all that match, objectives give
// the worst that matches.
//
// Plain values. Thread safety: pure functions. Bounds: labels_max matchers of
// label_bytes_max each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/frame.hpp"
#include "rules/expr/signal.hpp"

namespace homeostat::rules {

struct LabelMatch {
  std::string name;
  std::string value;
  bool equal = true;  ///< false: name!="value", which a missing label satisfies
  auto operator<=>(const LabelMatch&) const = default;
};

struct Selector {
  static constexpr std::size_t labels_max = 8;
  static constexpr std::size_t label_bytes_max = 128;

  std::string name;                ///< "scrape.db_pool_in_use", "slo.burn"
  std::vector<LabelMatch> labels;  ///< sorted
  std::string text;                ///< as written in canonical form
  std::uint64_t key = 0;           ///< of the text
  Unit unit = Unit::number;

  bool operator==(const Selector& other) const noexcept { return text == other.text; }
};

/// The newest value of what a selector reads.
struct LabelledReading {
  std::uint64_t key = 0;  ///< of the selector
  Reading reading;
};

inline constexpr std::string_view scrape_prefix = "scrape.";

/// Whether `name` is the name of selected signals: scrape.* or one of slo.*.
[[nodiscard]] bool is_selected_signal(std::string_view name) noexcept;

/// The slo.* names, for suggestions.
[[nodiscard]] const std::vector<std::string_view>& objective_signals();

/// REQUIRES: is_selected_signal(name).
[[nodiscard]] Selector make_selector(std::string_view name, std::vector<LabelMatch> labels);

/// The unit a metric's name implies by the conventions of Prometheus:
/// _seconds, _bytes and _ratio, also before _total, _sum, _max, _min and _avg.
[[nodiscard]] Unit unit_of_metric(std::string_view name) noexcept;

/// Whether the name is a counter's by convention: _total, _count, _sum, _bucket.
[[nodiscard]] bool is_counter_name(std::string_view name) noexcept;

/// FNV-1a, 64 bits.
[[nodiscard]] std::uint64_t key_of(std::string_view text) noexcept;

}  // namespace homeostat::rules
