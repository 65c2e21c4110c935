// What of a response's fields clients get: tag fields may be removed, and a rule
// may write Cache-Control in place of the origin's.
//
// A rule's text never loosens what the origin restricted: where the response
// says private, no-store or no-cache, sets a cookie, or answers a request with credentials
// without saying that it may be shared, only a text that itself says private,
// no-store or no-cache is written.
//
// The names of a rule's `vary` are told as the application's own would be: a cache
// further down must tell the responses apart as this one does.
//
// Thread safety: a value that borrows the rules; keep it on the stack.
#pragma once

#include <string>
#include <string_view>

#include "runtime/cache/fields.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::cache {

class ClientFields {
 public:
  /// `decision` as made for the request. Errors (from 400) and interim responses
  /// are left as they are.
  ClientFields(const RequestDecision& decision, const Fields& request, int status,
               const Fields& response);

  /// True for a field that is not passed on.
  [[nodiscard]] bool hides(const http::Field& field) const noexcept {
    if (!active_) return false;
    if (!control_.empty() && replaced(field.id)) return true;
    return tag_fields_ != nullptr && tag_fields_->contains(field.name);
  }
  /// Cache-Control to add; empty: none.
  [[nodiscard]] std::string_view cache_control() const noexcept { return control_; }
  /// Vary to add to the application's own; empty: none.
  [[nodiscard]] const std::string& vary() const noexcept { return vary_; }

 private:
  [[nodiscard]] static bool replaced(http::HeaderId id) noexcept {
    return id == http::HeaderId::cache_control || id == http::HeaderId::expires ||
           id == http::HeaderId::pragma;
  }
  const TagFields* tag_fields_ = nullptr;
  std::string_view control_;
  std::string vary_;
  bool active_ = false;
};

}  // namespace homeostat::cache
