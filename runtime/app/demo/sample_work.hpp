// The work behind the sample application's endpoints: computing, waiting,
// building large documents. Pure except for the CPU time it takes.
//
// Thread safety: free functions without state.
// Sizes: a report takes about 4 ms of one CPU and is about 2 KB; a catalogue
// page is about 100 KB. The amount of work is fixed, not timed, so that two
// runs cost the same even when the machine's speed changes between them.
#pragma once

#include <cstdint>
#include <string>

namespace homeostat::demo {

/// Rounds of the mixing function behind one report: about 4 ms at 3 GHz.
inline constexpr std::uint64_t report_rounds = 1'600'000;

/// Sums that depend on every round, so that no compiler can skip one.
[[nodiscard]] std::uint64_t burn_cpu(std::uint64_t seed, std::uint64_t rounds) noexcept;

/// Burns `rounds`, then describes the outcome in about 2 KB of JSON.
[[nodiscard]] std::string report_document(std::uint64_t id, std::uint64_t rounds = report_rounds);

/// About 100 KB of JSON, always the same for one id.
[[nodiscard]] std::string catalog_document(std::uint64_t id);

/// A few search results.
[[nodiscard]] std::string search_document(const std::string& query);

/// A strong entity tag of the content (64-bit FNV-1a), with quotes.
[[nodiscard]] std::string entity_tag_of(const std::string& content);

}  // namespace homeostat::demo
