#include "runtime/http/etag.hpp"

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

/// etagc: no quote, no blank, no control byte (RFC 9110 section 8.8.3).
constexpr bool is_etag_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/// Takes a tag off the front of `rest`. Nothing, with `rest` unchanged, if
/// there is none. A backslash has no meaning inside a tag.
std::optional<EntityTag> take_tag(std::string_view& rest) noexcept {
  EntityTag tag;
  std::size_t position = 0;
  if (rest.substr(0, 2) == "W/") {
    tag.weak = true;
    position = 2;
  }
  const std::size_t first = position;
  if (position >= rest.size() || rest[position] != '"') return std::nullopt;
  ++position;
  while (position < rest.size() && is_etag_char(rest[position])) ++position;
  if (position >= rest.size() || rest[position] != '"') return std::nullopt;
  tag.opaque = rest.substr(first, position - first + 1);
  rest.remove_prefix(position + 1);
  return tag;
}

bool equal(const EntityTag& a, const EntityTag& b, bool strong) noexcept {
  return a.opaque == b.opaque && !(strong && (a.weak || b.weak));
}

bool any_line_matches(const HeaderTable& request, HeaderId id, std::string_view etag,
                      bool strong) noexcept {
  return request.any_field(
      id, [&](const Field& field) { return entity_tag_list_matches(field.value, etag, strong); });
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept {
  text = trim(text);
  const auto tag = take_tag(text);
  return text.empty() ? tag : std::nullopt;
}

bool strongly_equal(std::string_view a, std::string_view b) noexcept {
  const auto left = parse_entity_tag(a);
  const auto right = parse_entity_tag(b);
  return left && right && equal(*left, *right, true);
}

bool weakly_equal(std::string_view a, std::string_view b) noexcept {
  const auto left = parse_entity_tag(a);
  const auto right = parse_entity_tag(b);
  return left && right && equal(*left, *right, false);
}

bool entity_tag_list_matches(std::string_view list, std::string_view etag, bool strong) noexcept {
  std::string_view rest = trim(list);
  if (rest == "*") return true;
  const auto wanted = parse_entity_tag(etag);
  if (!wanted) return false;
  while (!rest.empty()) {
    if (is_blank(rest.front()) || rest.front() == ',') {
      rest.remove_prefix(1);
      continue;
    }
    if (const auto tag = take_tag(rest); tag) {
      if (equal(*tag, *wanted, strong)) return true;
    } else {
      const std::size_t comma = rest.find(',');  // skip what is no tag
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma);
    }
  }
  return false;
}

std::string with_strong_forms(std::string_view list) {
  std::string out(list);
  for (std::string_view rest = list; !rest.empty();) {
    if (const auto tag = take_tag(rest); tag) {
      if (tag->weak) out.append(", ").append(tag->opaque);
    } else {
      rest.remove_prefix(1);
    }
  }
  return out;
}

bool if_none_match_matches(const HeaderTable& request, std::string_view etag) noexcept {
  return any_line_matches(request, HeaderId::if_none_match, etag, false);
}

bool if_match_matches(const HeaderTable& request, std::string_view etag) noexcept {
  return any_line_matches(request, HeaderId::if_match, etag, true);
}

bool if_match_matches_weakly(const HeaderTable& request, std::string_view etag) noexcept {
  return any_line_matches(request, HeaderId::if_match, etag, false);
}

}  // namespace homeostat::http
