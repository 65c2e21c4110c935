// CDN-Cache-Control and its like: a structured-field dictionary whose keys are
// cache directives (RFC 9213). Any syntax error makes the whole field ignored.
#include <string>

#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/structured_field.hpp"

namespace homeostat::http {
namespace {

using Kind = StructuredItem::Kind;

void set_flag(bool& flag, const StructuredItem& item) noexcept {
  flag = !item.is(Kind::boolean) || item.boolean;
}

/// A value that is no non-negative integer: a lifetime that is no promise.
void set_lifetime(std::optional<DeltaSeconds>& slot, const StructuredItem& item) noexcept {
  if (!item.is(Kind::integer) || item.integer < 0) {
    slot = 0;
  } else {
    slot = item.integer > std::int64_t{delta_seconds_max} ? delta_seconds_max
                                                          : static_cast<DeltaSeconds>(item.integer);
  }
}

void apply(CacheControl& control, std::string_view name, const StructuredItem& item) noexcept {
  if (name == "max-age") set_lifetime(control.max_age, item);
  else if (name == "s-maxage") set_lifetime(control.s_maxage, item);
  else if (name == "stale-while-revalidate") set_lifetime(control.stale_while_revalidate, item);
  else if (name == "stale-if-error") set_lifetime(control.stale_if_error, item);
  else if (name == "no-store") set_flag(control.no_store, item);
  else if (name == "no-cache") set_flag(control.no_cache, item);
  else if (name == "private") set_flag(control.private_, item);
  else if (name == "public") set_flag(control.public_, item);
  else if (name == "no-transform") set_flag(control.no_transform, item);
  else if (name == "must-revalidate") set_flag(control.must_revalidate, item);
  else if (name == "proxy-revalidate") set_flag(control.proxy_revalidate, item);
  else if (name == "must-understand") set_flag(control.must_understand, item);
  else if (name == "immutable") set_flag(control.immutable, item);
}

std::optional<CacheControl> parse_dictionary(std::string_view value) noexcept {
  CacheControl control;
  StructuredFieldReader reader(value);
  StructuredMember member;
  while (reader.next_member(member)) {
    control.present = true;
    apply(control, member.key, member.value);
  }
  if (!reader.ok() || !control.present) return std::nullopt;
  return control;
}

}  // namespace

std::optional<CacheControl> parse_targeted_cache_control(const HeaderTable& headers, HeaderId id) {
  if (!headers.has(id)) return std::nullopt;
  std::string storage;
  return parse_dictionary(combined_value(headers, id, storage));
}

std::optional<CacheControl> parse_targeted_cache_control(const HeaderTable& headers,
                                                         std::string_view name) {
  const HeaderId id = header_id(name);
  if (id != HeaderId::other) return parse_targeted_cache_control(headers, id);
  std::string joined;
  for (const Field& field : headers) {
    if (field.id != HeaderId::other || !iequals(field.name, name) || field.value.empty()) continue;
    if (!joined.empty()) joined += ", ";
    joined += field.value;
  }
  return parse_dictionary(joined);
}

}  // namespace homeostat::http
