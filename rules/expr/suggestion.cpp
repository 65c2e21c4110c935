#include "rules/expr/suggestion.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "rules/expr/macros.hpp"
#include "rules/expr/selector.hpp"
#include "rules/expr/signal.hpp"

namespace homeostat::rules {
namespace {

constexpr std::size_t word_max = 64;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Optimal string alignment distance, ignoring case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, word_max + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > word_max) return {};
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > word_max) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string_view nearest_signal(std::string_view word, bool allow_endpoint, const Macros* macros) {
  std::vector<std::string_view> names;
  names.reserve(signal_count);
  for (std::size_t i = 0; i < signal_count; ++i) {
    const SignalInfo& info = signal_info(static_cast<SignalId>(i));
    if (allow_endpoint || info.scope == SignalScope::global) names.push_back(info.name);
  }
  for (const std::string_view name : objective_signals()) names.push_back(name);
  if (macros != nullptr) {
    for (const std::string_view name : macros->names()) names.push_back(name);
  }
  return nearest_word(word, names);
}

}  // namespace homeostat::rules
