#include "runtime/proxy/serving_config.hpp"

#include <algorithm>
#include <utility>

#include "runtime/ports/request_match.hpp"

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
  request_limits_.underscores = server.header_underscores;
  for (const rules::Coding coding : settings_->compression.algorithms) codings_.insert(coding);
}

bool ServingConfig::compresses_secrets(std::string_view path) const noexcept {
  const std::vector<std::string>& patterns = settings_->compression.secret_paths;
  return std::any_of(patterns.begin(), patterns.end(),
                     [path](const std::string& pattern) { return wildcard_match(pattern, path); });
}

}  // namespace homeostat::proxy
