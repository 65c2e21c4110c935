#include "runtime/cache/client_fields.hpp"

#include "runtime/http/cache_control.hpp"

namespace homeostat::cache {
namespace {

/// no-cache as well: who is asked each time may give each user another answer, which a
/// cache further down must not hand to others unasked.
bool restricts(const http::CacheControl& control) noexcept {
  return control.no_store || control.private_ || !control.private_fields[0].empty() ||
         control.no_cache || !control.no_cache_fields[0].empty();
}

bool restricted(const RequestDecision& decision, const Fields& request,
                const Fields& response) noexcept {
  using http::HeaderId;
  const http::CacheControl control = http::parse_cache_control(response);
  if (restricts(control)) return true;
  if (decision.responses != nullptr) {
    for (const std::string& name : decision.responses->targeted_fields) {
      const auto targeted = http::parse_targeted_cache_control(response, name);
      if (targeted && restricts(*targeted)) return true;
    }
  }
  if (response.has(HeaderId::set_cookie) || response.has(HeaderId::set_cookie2)) return true;
  return request.has(HeaderId::authorization) && !control.public_ && !control.s_maxage &&
         !control.must_revalidate;
}

/// The names that the rule has and the response has not.
std::string missing_names(const std::vector<std::string>& names, const Fields& response) {
  std::string missing;
  for (const std::string& name : names) {
    if (response.contains_token(http::HeaderId::vary, name)) continue;
    if (!missing.empty()) missing += ", ";
    missing += name;
  }
  return missing;
}

}  // namespace

ClientFields::ClientFields(const RequestDecision& decision, const Fields& request, int status,
                           const Fields& response) {
  if (decision.rules == nullptr || status < 200) return;
  if (decision.rule != nullptr) vary_ = missing_names(decision.rule->settings.vary, response);
  tag_fields_ = decision.rules->removed_tag_fields();
  if (decision.rule != nullptr && status < 400 && !decision.rule->settings.cache_control.empty() &&
      (decision.rule->restrictive_control || !restricted(decision, request, response))) {
    control_ = decision.rule->settings.cache_control;
  }
  active_ = tag_fields_ != nullptr || !control_.empty();
}

}  // namespace homeostat::cache
