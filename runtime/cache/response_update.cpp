// What a later response says about a stored one: 304 (RFC 9111 sections 3.2 and
// 4.3.4) and answers to HEAD (section 4.3.5). Declared in response_rules.hpp.
#include <utility>

#include "runtime/cache/response_rules.hpp"
#include "runtime/http/etag.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;

/// Fields a 304 must not change in the stored response (RFC 9111 section 3.2).
bool kept_from_stored(HeaderId id) noexcept {
  return id == HeaderId::content_encoding || id == HeaderId::content_type ||
         id == HeaderId::content_range || id == HeaderId::content_length ||
         id == HeaderId::transfer_encoding || http::is_hop_by_hop(id);
}

}  // namespace

/// A validator that the 304 names must be the stored one. A strong tag where a weak one is stored
/// counts if it is the one we asked about: servers that compress on the fly weaken the tag of a
/// 200, not that of a 304. A tag where none is stored may be that of a later version within the
/// same second of Last-Modified. Of malformed tags the text counts.
bool is_about(const Object& stored, const Fields& not_modified) noexcept {
  if (const std::string_view tag = not_modified.get(HeaderId::etag); !tag.empty()) {
    const std::string_view own = stored.head().origin_etag();
    return tag == own || http::weakly_equal(tag, own);
  }
  const http::Field* modified = not_modified.find(HeaderId::last_modified);
  return modified == nullptr || modified->value == stored.head().last_modified();
}

std::optional<RefreshedHead> refreshed_head(const Object& stored,
                                            const RequestDecision& request_decision,
                                            const Request& request, const Response& not_modified,
                                            const EndpointPolicy& policy) {
  const Fields& update = *not_modified.fields;
  if (!is_about(stored, update)) return std::nullopt;
  const http::HopByHopFilter filter(update);
  // A strong tag must not come to stand over a body that was stored as weak.
  const bool weak = stored.head().etag().starts_with("W/");
  const auto replaces = [&](const http::Field& field) {
    if (field.id == HeaderId::etag && weak) return false;
    return !kept_from_stored(field.id) && filter.forwarded(field);
  };
  Fields merged, before;
  bool fits = true;
  stored.head().for_each_origin_field([&](std::string_view name, std::string_view value) {
    if (http::header_id(name) == HeaderId::vary) fits = fits && before.add(name, value);
    // A 304 without Date counts as sent now, not when the stored one was.
    if (http::header_id(name) == HeaderId::date) return;
    const http::Field* newer = update.find(name);
    if (newer == nullptr || !replaces(*newer)) fits = fits && merged.add(name, value);
  });
  for (const http::Field& field : update) {
    if (replaces(field)) fits = fits && merged.add(field.name, field.value);
  }
  if (!fits) return std::nullopt;
  Response response = not_modified;
  response.status = stored.status();
  const std::string phrase(http::reason_phrase(static_cast<unsigned>(stored.status())));
  response.reason_phrase = phrase;
  response.fields = &merged;
  response.content_length = stored.body_bytes();
  StoreDecision decision =
      decide_store(request_decision, request, response, policy, stored.body_bytes());
  if (!decision.storable()) return std::nullopt;
  static const std::vector<std::string> no_names;
  const auto& from_rule = request_decision.rule != nullptr ? request_decision.rule->vary : no_names;
  // Under other Vary names it would have to be found by another key.
  if (vary_names(before, from_rule).names != decision.vary) return std::nullopt;
  if (stored.head().own_etag && decision.head.etag().empty()) {  // the same body, the same tag
    decision.head.add_field("ETag", stored.head().etag());
    decision.head.own_etag = true;
  }
  return RefreshedHead{std::move(decision.head), std::move(decision.vary)};
}

HeadComparison compare_head_response(const Object& stored, const Response& head) noexcept {
  if (stored.status() != 200 || head.status != 200) return HeadComparison::unknown;
  if (head.content_length && *head.content_length != stored.body_bytes()) {
    return HeadComparison::differs;
  }
  const http::Field* etag = head.fields->find(HeaderId::etag);
  const http::Field* modified = head.fields->find(HeaderId::last_modified);
  if (etag != nullptr && etag->value != stored.head().origin_etag()) {
    return HeadComparison::differs;
  }
  if (modified != nullptr && modified->value != stored.head().last_modified()) {
    return HeadComparison::differs;
  }
  return etag != nullptr || modified != nullptr ? HeadComparison::same : HeadComparison::unknown;
}

}  // namespace homeostat::cache
