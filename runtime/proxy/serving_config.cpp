#include "runtime/proxy/serving_config.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::proxy {

ServingConfig::ServingConfig(std::shared_ptr<const config::Settings> settings, gate::Gate& gate)
    : settings_(std::move(settings)),
      cache_rules_(settings_->cache),
      admission_(settings_->admission, gate) {
  const config::ServerSettings& server = settings_->server;
  request_limits_.head_bytes_max = server.header_bytes_max;
  request_limits_.target_bytes_max = server.target_bytes_max;
  request_limits_.field_count_max = server.header_count_max;
  request_limits_.body_bytes_max = server.body_bytes_max;
  for (const rules::Coding coding : settings_->compression.algorithms) codings_.insert(coding);
  for (const std::string& path : settings_->compression.secret_paths) {
    secret_paths_.emplace_back(path);
  }
}

bool ServingConfig::compresses_secrets(std::string_view path) const noexcept {
  return std::any_of(secret_paths_.begin(), secret_paths_.end(),
                     [path](const cache::PathPattern& pattern) { return pattern.matches(path); });
}

}  // namespace homeostat::proxy
