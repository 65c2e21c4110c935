#include "runtime/cache/preconditions.hpp"

#include "runtime/http/date.hpp"
#include "runtime/http/etag.hpp"
#include "runtime/http/head_writer.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;

bool unmodified_since(const Fields& request, const ObjectHead& stored) {
  const http::Field* field = request.find(HeaderId::if_modified_since);
  if (field == nullptr) return false;
  const auto since = http::parse_date(field->value, stored.freshness.received_wall);
  // Without Last-Modified the Date of the stored response stands in (RFC 9111
  // section 4.3.2).
  const auto& modified = stored.last_modified_time ? stored.last_modified_time : stored.date;
  return since && modified && *modified <= *since;
}

bool belongs_to_304(HeaderId id, bool has_etag) noexcept {
  switch (id) {
    case HeaderId::cache_control:
    case HeaderId::cdn_cache_control:
    case HeaderId::content_location:
    case HeaderId::date:
    case HeaderId::etag:
    case HeaderId::expires:
    case HeaderId::vary:
    case HeaderId::access_control_allow_origin: return true;
    case HeaderId::last_modified: return !has_etag;
    default: return false;
  }
}

}  // namespace

Precondition evaluate_preconditions(const Fields& request, const ObjectHead& stored) {
  if (stored.status != 200) return Precondition::send;
  bool matches = false;
  if (request.has(HeaderId::if_none_match)) {
    matches = http::if_none_match_matches(request, stored.etag());
  } else {
    matches = unmodified_since(request, stored);
  }
  return matches ? Precondition::not_modified : Precondition::send;
}

void write_not_modified(const ObjectHead& stored, std::string& out) {
  http::HeadWriter writer(out);
  writer.status_line(304);
  const bool has_etag = !stored.etag().empty();
  stored.for_each_field([&](std::string_view name, std::string_view value) {
    if (belongs_to_304(http::header_id(name), has_etag)) writer.field(name, value);
  });
}

void write_validators(const ObjectHead& stored, std::string& out) {
  http::HeadWriter writer(out);
  if (!stored.etag().empty()) writer.field(HeaderId::if_none_match, stored.etag());
  if (!stored.last_modified().empty()) {
    writer.field(HeaderId::if_modified_since, stored.last_modified());
  }
}

}  // namespace homeostat::cache
