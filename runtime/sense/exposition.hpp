// Reads the Prometheus text format (0.0.4, and OpenMetrics as far as it is the
// same): finds the samples that selectors ask for.
//
// Thread safety: pure. Never fails: lines it cannot read are counted.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "rules/expr/selector.hpp"

namespace homeostat::sense {

struct ExpositionResult {
  /// By selector: the sum over all series that match; nothing where none does.
  std::vector<std::optional<double>> values;
  std::size_t samples = 0;
  std::size_t bad_lines = 0;
};

/// Selectors of other families than scrape.* match nothing. Samples that are
/// not finite are left out.
[[nodiscard]] ExpositionResult read_exposition(std::string_view text,
                                               std::span<const rules::Selector> selectors);

}  // namespace homeostat::sense
