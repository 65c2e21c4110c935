// What a worker derives from the Settings once, so that requests only look up.
//
// Each worker holds its own copy: no reference count is shared between
// threads. Replaced as a whole on reload; requests in flight keep the one they
// began with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "runtime/cache/request_rules.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/proxy/ref_counted.hpp"

namespace homeostat::proxy {

class ServingConfig final : public RefCounted {
 public:
  explicit ServingConfig(std::shared_ptr<const config::Settings> settings);

  [[nodiscard]] const config::Settings& settings() const noexcept { return *settings_; }
  [[nodiscard]] const config::ServerSettings& server() const noexcept { return settings_->server; }
  [[nodiscard]] const cache::RequestRules& cache_rules() const noexcept { return cache_rules_; }
  [[nodiscard]] const http::ParseLimits& request_limits() const noexcept { return request_limits_; }
  [[nodiscard]] const http::ParseLimits& response_limits() const noexcept {
    return response_limits_;
  }
  /// compression.algorithms as a set.
  [[nodiscard]] rules::CodingSet codings() const noexcept { return codings_; }
  /// compression.secret_paths names this path.
  [[nodiscard]] bool compresses_secrets(std::string_view path) const noexcept;
  /// 0 critical .. 3 low; the first rule that matches decides, else 2.
  [[nodiscard]] std::uint8_t priority_class(std::string_view method,
                                            std::string_view path) const noexcept;

 private:
  struct Priority {
    cache::PathPattern path;
    std::vector<std::string> methods;
    std::uint8_t priority_class;
  };
  std::shared_ptr<const config::Settings> settings_;
  cache::RequestRules cache_rules_;
  http::ParseLimits request_limits_, response_limits_;
  std::vector<Priority> priorities_;
  rules::CodingSet codings_;
  std::vector<cache::PathPattern> secret_paths_;
};

}  // namespace homeostat::proxy
