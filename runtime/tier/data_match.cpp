#include "runtime/tier/data_match.hpp"

#include <algorithm>

namespace homeostat::tier {

DataMatch::DataMatch(const PurgeRequest& request) : request_(request) {
  for (const std::string& pattern : request.patterns) patterns_.emplace_back(pattern);
}

DataMatch::By DataMatch::of(const std::string& key, const std::vector<std::string>& tags) const {
  const auto holds = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool tagged = std::any_of(
      tags.begin(), tags.end(), [&](const std::string& tag) { return holds(request_.tags, tag); });
  if (tagged) return By::tag;
  const bool matched = std::any_of(patterns_.begin(), patterns_.end(),
                                   [&](const auto& pattern) { return pattern.matches(key, key); });
  if (matched) return By::pattern;
  return holds(request_.keys, key) ? By::key : By::nothing;
}

}  // namespace homeostat::tier
