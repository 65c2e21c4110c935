// The rule loader's inside: reads sources into one RuleSet, reporting into the
// Report of a load that is under way. See rule_loader.hpp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/loader.hpp"
#include "config/overrides.hpp"
#include "rules/engine/rule.hpp"
#include "rules/expr/macros.hpp"

namespace homeostat::config {

struct RuleDraft;

class RuleReader {
 public:
  /// `environment` null: for rules that did not come from a file here, see
  /// refuse_substitution().
  RuleReader(const Environment* environment, Report& report, Names& referenced)
      : environment_(environment), report_(report), referenced_(referenced) {}

  /// Starts from rules that were loaded before.
  void start_from(rules::RuleSet earlier) { set_ = std::move(earlier); }

  /// The key that names the sources, for messages; none on a command line.
  void named_by(const std::string& key) { prefix_ = "`" + key + "`: "; }
  /// "builtin", a file, or a glob. `place` is where it was named.
  void add(const std::string& entry, const std::string& base_dir, const Place& place);
  void add_text(std::shared_ptr<const Source> source, const std::string& base_dir);

  /// All that was added, once; what concerns the set as a whole is checked now.
  [[nodiscard]] rules::RuleSet take();
  [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }

 private:
  void check_selectors();
  void parse(RuleDraft& draft);
  void add_file(const std::string& path, const Place& place);
  void merge(std::vector<rules::Rule> rules, const std::shared_ptr<const Source>& source);
  void disable(const std::vector<std::string>& names, const Place& place,
               const std::vector<rules::Rule>& own);

  const Environment* environment_;
  Report& report_;
  Names& referenced_;
  std::string prefix_;
  rules::RuleSet set_;
  rules::Macros macros_;
  std::map<std::string, Place> places_;  ///< of each rule that is in the set
  std::vector<std::string> files_;
  std::size_t conditions_size_ = 0;
};

}  // namespace homeostat::config
