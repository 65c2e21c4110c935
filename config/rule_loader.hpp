// Reads rule files (YAML) into a rules::RuleSet.
//
//   macros:                    # named expressions for this and later files
//     busy: cpu.utilization > 80%
//   rules:                     # list; names unique within one file
//     - name: ...
//   disable: [high-cpu-gc]     # switches off rules of earlier files
//
// A rule of a later file replaces the earlier one of the same name, in its
// position. Expressions are parsed and type-checked here; an error in one is
// reported at the offending piece with carets below it.
//
// Thread safety: none shared. Errors: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/loader.hpp"
#include "rules/engine/rule.hpp"
#include "rules/engine/rule_override.hpp"

namespace homeostat::config {

inline constexpr std::size_t rule_files_max = 100;
inline constexpr std::size_t actions_per_rule_max = 8;
/// Signals, constants and operators of all conditions that are loaded together, macros written
/// out. One condition may have 8192.
inline constexpr std::size_t conditions_size_max = 65'536;

struct RuleLoadResult {
  rules::RuleSet rules;                 ///< meaningful only without diagnostics
  std::vector<Diagnostic> diagnostics;  ///< empty if all is well
  std::vector<std::string> files;       ///< every file read

  [[nodiscard]] bool ok() const noexcept { return diagnostics.empty(); }
};

/// Loads sources in order: "builtin", file paths, and globs whose wildcard is in
/// the last path component ("rules/*.yaml", read in order of name). Relative
/// paths are relative to `base_dir`.
[[nodiscard]] RuleLoadResult load_rules(const std::vector<std::string>& sources,
                                        const std::string& base_dir,
                                        const Environment& environment);

/// Loads one rule file given as text, on top of `earlier`.
[[nodiscard]] RuleLoadResult load_rules_text(std::string_view text, const std::string& name,
                                             const Environment& environment,
                                             rules::RuleSet earlier = {});

/// The same for a text that somebody sent: it cannot name environment variables.
[[nodiscard]] RuleLoadResult load_sent_rules(std::string_view text, const std::string& name);

struct RuleOverrideResult {
  rules::RuleOverride terms;            ///< meaningful only without diagnostics
  std::vector<Diagnostic> diagnostics;  ///< as a rule file would have got
};

/// Reads what is to be changed of a loaded rule: a YAML or JSON map of `level`,
/// `every_level`, `for`, `hold`, `cooldown`, `no_data`, `priority`, `dry_run`, written
/// as in a rule file. Sent, too: no environment.
[[nodiscard]] RuleOverrideResult read_rule_override(std::string_view text, const rules::Rule& rule);

}  // namespace homeostat::config
