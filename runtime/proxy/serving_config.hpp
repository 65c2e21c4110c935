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
#include "runtime/proxy/admission_rules.hpp"
#include "runtime/proxy/ref_counted.hpp"

namespace homeostat::proxy {

class ServingConfig final : public RefCounted {
 public:
  ServingConfig(std::shared_ptr<const config::Settings> settings, gate::Gate& gate);

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
  [[nodiscard]] const AdmissionRules& admission() const noexcept { return admission_; }

 private:
  std::shared_ptr<const config::Settings> settings_;
  cache::RequestRules cache_rules_;
  http::ParseLimits request_limits_, response_limits_;
  AdmissionRules admission_;
  rules::CodingSet codings_;
};

}  // namespace homeostat::proxy
