// Any bytes as a configuration and as a rule file.
//
// Properties: there are either settings or diagnostics; diagnostics are bounded
// and name a place inside the text; settings print, and what was printed loads
// again to the same print (unless it holds tokens, which are not printed).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/effective.hpp"
#include "config/loader.hpp"
#include "config/rule_loader.hpp"

namespace {

using namespace homeostat::config;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_diagnostics(const std::vector<Diagnostic>& diagnostics, std::size_t bytes) {
  require(diagnostics.size() <= diagnostics_max + 1);
  for (const auto& diagnostic : diagnostics) {
    require(!diagnostic.message.empty() && diagnostic.line >= 0 && diagnostic.column >= 0);
    require(static_cast<std::size_t>(diagnostic.line) <= bytes + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Environment environment{{"X", "[1, {a: b}]"},
                                {"HOMEOSTAT_ADMIN_TOKEN", "0123456789abcdef"}};
  const auto result = load_text(text, "fuzz.yaml", environment, "/nonexistent");
  require(result.ok() == result.diagnostics.empty());
  check_diagnostics(result.diagnostics, size);
  if (result.ok() && result.settings->admin.tokens.empty() &&
      result.settings->alerts.webhooks.empty()) {
    const auto printed = to_yaml(*result.settings);
    const auto again = load_text(printed, "printed.yaml", {}, "/nonexistent");
    require(!again.ok() || to_yaml(*again.settings) == printed);
  }
  const auto rules = load_rules_text(text, "fuzz.yaml", environment);
  check_diagnostics(rules.diagnostics, size);
  if (rules.ok()) {
    for (const auto& rule : rules.rules.rules) require(rule.when != nullptr && !rule.then.empty());
  }
  return 0;
}
