#include "runtime/cache/client_fields.hpp"

#include "runtime/http/cache_control.hpp"

namespace homeostat::cache {
namespace {

bool for_one_user(const http::CacheControl& control) noexcept {
  return control.no_store || control.private_ || !control.private_fields[0].empty();
}

bool restricted(const RequestDecision& decision, const Fields& request,
                const Fields& response) noexcept {
  using http::HeaderId;
  const http::CacheControl control = http::parse_cache_control(response);
  if (for_one_user(control)) return true;
  if (decision.responses != nullptr) {
    for (const std::string& name : decision.responses->targeted_fields) {
      const auto targeted = http::parse_targeted_cache_control(response, name);
      if (targeted && for_one_user(*targeted)) return true;
    }
  }
  if (response.has(HeaderId::set_cookie) || response.has(HeaderId::set_cookie2)) return true;
  return request.has(HeaderId::authorization) && !control.public_ && !control.s_maxage &&
         !control.must_revalidate;
}

}  // namespace

ClientFields::ClientFields(const RequestDecision& decision, const Fields& request, int status,
                           const Fields& response) {
  if (decision.rules == nullptr || status < 200) return;
  tag_fields_ = decision.rules->removed_tag_fields();
  if (decision.rule != nullptr && status < 400 && !decision.rule->settings.cache_control.empty() &&
      (decision.rule->restrictive_control || !restricted(decision, request, response))) {
    control_ = decision.rule->settings.cache_control;
  }
  active_ = tag_fields_ != nullptr || !control_.empty();
}

}  // namespace homeostat::cache
