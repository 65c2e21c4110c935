#include "runtime/cache/preconditions.hpp"

#include "runtime/http/ascii.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/etag.hpp"
#include "runtime/http/head_writer.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;

/// RFC 9110 section 13.1.3: anything but one valid date is ignored.
std::optional<WallTime> date_condition(const Fields& request, HeaderId id,
                                       const ObjectHead& stored) {
  const http::Field* field = request.find(id);
  if (field == nullptr || request.count(id) > 1) return std::nullopt;
  return http::parse_date(field->value, stored.freshness.received_wall);
}

bool unmodified_since(const Fields& request, const ObjectHead& stored) {
  const auto since = date_condition(request, HeaderId::if_modified_since, stored);
  // Without Last-Modified the Date of the stored response stands in (RFC 9111
  // section 4.3.2).
  const auto& modified = stored.last_modified_time ? stored.last_modified_time : stored.date;
  return since && modified && *modified <= *since;
}

/// Fields that describe the content, which a 304 does not carry.
bool describes_content(std::string_view name, HeaderId id, bool has_etag) noexcept {
  switch (id) {
    case HeaderId::content_location:
    case HeaderId::content_security_policy: return false;
    case HeaderId::last_modified: return has_etag;
    case HeaderId::accept_ranges:
    case HeaderId::trailer: return true;
    default: break;
  }
  constexpr std::string_view content = "content-";
  const auto starts_with = [name](std::string_view prefix) {
    return http::iequals(name.substr(0, prefix.size()), prefix);
  };
  if (starts_with("content-security-policy")) return false;
  return starts_with(content) || http::iequals(name, "Digest") ||
         http::iequals(name, "Repr-Digest");
}

/// Calls `visit(tag)` for each tag of the client's If-None-Match that is not
/// the stored one, until it returns true; returns whether one did.
template <class Visit>
bool any_other_tag(const ObjectHead& stored, const Fields& client, Visit&& visit) {
  return client.any_field(HeaderId::if_none_match, [&](const http::Field& field) {
    return http::any_list_element(field.value, [&](std::string_view tag) {
      return http::parse_entity_tag(tag) && !http::weakly_equal(tag, stored.etag()) && visit(tag);
    });
  });
}

/// The tag to ask the origin about; empty: none. Servers compare malformed ones (`v1` without
/// quotes) as text, but some read as another question: `*` holds for every version.
std::string_view askable_tag(const ObjectHead& stored) noexcept {
  const std::string_view tag = stored.origin_etag();
  const bool ambiguous = tag.find_first_of("*,") != std::string_view::npos;
  return ambiguous && !http::parse_entity_tag(tag) ? std::string_view{} : tag;
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

bool satisfies_preconditions(const Fields& request, const ObjectHead& stored) {
  if (stored.status != 200) return false;
  if (request.has(HeaderId::if_match)) {
    // The weak forms of a tag of this agent's are its own as well (variants).
    return stored.own_etag ? http::if_match_matches_weakly(request, stored.etag())
                           : http::if_match_matches(request, stored.etag());
  }
  const auto since = date_condition(request, HeaderId::if_unmodified_since, stored);
  return since && stored.last_modified_time && *stored.last_modified_time <= *since;
}

bool fails_own_condition(const RequestDecision& decision, const Fields& request, int status,
                         const ObjectHead* stored) {
  if (decision.tag_owners != TagOwners::own || decision.own_tag_holds) return false;
  if (status < 200 || status >= 300) return false;
  return stored == nullptr || !satisfies_preconditions(request, *stored);
}

bool range_applies(const Fields& request, const ObjectHead& stored, bool coded) {
  const http::Field* condition = request.find(HeaderId::if_range);
  if (condition == nullptr) return true;
  if (request.count(HeaderId::if_range) > 1) return false;
  if (http::parse_entity_tag(condition->value)) {
    return http::strongly_equal(condition->value, stored.etag());
  }
  if (coded) return false;
  // A date is exact or nothing, and strong only if it was a second old when the
  // response was made.
  const auto date = http::parse_date(condition->value, stored.freshness.received_wall);
  return date && stored.last_modified_time && stored.date && *date == *stored.last_modified_time &&
         *stored.date - *stored.last_modified_time >= std::chrono::seconds(1);
}

void write_not_modified(const ObjectHead& stored, std::string& out, bool coded) {
  http::HeadWriter writer(out);
  writer.status_line(304);
  const bool has_etag = !stored.etag().empty();
  stored.for_each_field([&](std::string_view name, std::string_view value) {
    const HeaderId id = http::header_id(name);
    if (describes_content(name, id, has_etag)) return;
    if (coded && id == HeaderId::etag && !value.starts_with("W/")) {
      writer.field(name, "W/" + std::string(value));
    } else {
      writer.field(name, value);
    }
  });
}

void write_validators(const ObjectHead& stored, const Fields& client, std::string& out) {
  http::HeadWriter writer(out);
  if (const std::string_view known = askable_tag(stored); !known.empty()) {
    std::string tags(known);
    // Behind a malformed tag others might not be read as tags.
    if (http::parse_entity_tag(known)) {
      std::size_t added = 0;
      any_other_tag(stored, client, [&](std::string_view tag) {
        tags += ", ";
        tags += tag;
        return ++added == client_tags_max;
      });
    }
    writer.field(HeaderId::if_none_match, tags);
  }
  if (!stored.last_modified().empty()) {
    writer.field(HeaderId::if_modified_since, stored.last_modified());
  }
}

Validated validated(const ObjectHead& stored, const Fields& client, const Fields& not_modified) {
  const std::string_view tag = not_modified.get(HeaderId::etag);
  const auto any_tag = [](std::string_view) { return true; };
  if (!http::parse_entity_tag(stored.origin_etag()) || !any_other_tag(stored, client, any_tag))
    return Validated::stored;
  if (tag.empty()) return Validated::unknown;
  if (http::weakly_equal(tag, stored.etag())) return Validated::stored;
  const bool named = any_other_tag(
      stored, client, [tag](std::string_view other) { return http::weakly_equal(tag, other); });
  return named ? Validated::client : Validated::unknown;
}

}  // namespace homeostat::cache
