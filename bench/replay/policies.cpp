#include <stdexcept>
#include <utility>

#include "bench/replay/policy.hpp"

namespace homeostat::replay {
namespace {

using Maker = std::unique_ptr<Policy> (*)(const PolicySettings&);
constexpr std::pair<const char*, Maker> makers[] = {
    {"homeostat", make_homeostat}, {"lru", make_lru},           {"sieve", make_sieve},
    {"s3fifo", make_s3fifo},       {"wtinylfu", make_wtinylfu}, {"gdsf", make_gdsf},
};

}  // namespace

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, make] : makers) all.emplace_back(name);
    return all;
  }();
  return names;
}

std::unique_ptr<Policy> make_policy(std::string_view name, const PolicySettings& settings) {
  for (const auto& [known, make] : makers) {
    if (name == known) return make(settings);
  }
  throw std::runtime_error("unknown policy '" + std::string(name) + "'");
}

}  // namespace homeostat::replay
