#include "runtime/proxy/serving_config.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::proxy {
namespace {

constexpr std::uint8_t class_normal = 2;

}  // namespace

ServingConfig::ServingConfig(std::shared_ptr<const config::Settings> settings)
    : settings_(std::move(settings)), cache_rules_(settings_->cache) {
  const config::ServerSettings& server = settings_->server;
  request_limits_.head_bytes_max = server.header_bytes_max;
  request_limits_.target_bytes_max = server.target_bytes_max;
  request_limits_.field_count_max = server.header_count_max;
  request_limits_.body_bytes_max = server.body_bytes_max;
  for (const config::PriorityRule& rule : settings_->admission.priorities) {
    priorities_.push_back(
        {cache::PathPattern(rule.match.path), rule.match.methods, rule.priority_class});
  }
  for (const rules::Coding coding : settings_->compression.algorithms) codings_.insert(coding);
  for (const std::string& path : settings_->compression.secret_paths) {
    secret_paths_.emplace_back(path);
  }
}

bool ServingConfig::compresses_secrets(std::string_view path) const noexcept {
  return std::any_of(secret_paths_.begin(), secret_paths_.end(),
                     [path](const cache::PathPattern& pattern) { return pattern.matches(path); });
}

std::uint8_t ServingConfig::priority_class(std::string_view method,
                                           std::string_view path) const noexcept {
  for (const Priority& rule : priorities_) {
    const bool method_fits =
        rule.methods.empty() ||
        std::find(rule.methods.begin(), rule.methods.end(), method) != rule.methods.end();
    if (method_fits && rule.path.matches(path)) return rule.priority_class;
  }
  return class_normal;
}

}  // namespace homeostat::proxy
