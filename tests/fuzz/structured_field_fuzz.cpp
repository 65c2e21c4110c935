// Any text as a structured field, as targeted cache control, as Cache-Groups
// and as No-Vary-Search.
//
// Input: the field's text; after the first line feed, if any, a query.
// Properties: views lie inside the input; a text that was read once is read the
// same again; the canonical query of a canonical query is itself; queries that
// are equal have equal canonical queries.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/http/cache_control.hpp"
#include "runtime/http/search_variance.hpp"
#include "runtime/http/structured_field.hpp"

namespace {

using namespace homeostat::http;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_item(std::string_view whole, const StructuredItem& item) {
  if (!item.text.empty()) {
    require(item.text.data() >= whole.data() &&
            item.text.data() + item.text.size() <= whole.data() + whole.size());
  }
  if (item.is(StructuredItem::Kind::string)) {
    require(decoded_string(item).size() <= item.text.size());
  }
  if (!item.is(StructuredItem::Kind::inner_list)) return;
  StructuredFieldReader inner(item.text);
  StructuredItem member;
  while (inner.next_inner(member)) {
    require(!member.is(StructuredItem::Kind::inner_list));
    check_item(whole, member);
  }
  require(inner.ok());  // checked once already
}

void read_everything(std::string_view text) {
  StructuredFieldReader dictionary(text);
  StructuredMember member;
  while (dictionary.next_member(member)) {
    require(!member.key.empty());
    check_item(text, member.value);
  }
  StructuredFieldReader list(text);
  StructuredItem item;
  while (list.next_item(item)) check_item(text, item);
}

void check_query(const SearchVariance& variance, std::string_view query) {
  std::string canonical, again;
  if (!variance.append_canonical(canonical, query)) {
    require(canonical.empty());
    return;
  }
  require(variance.append_canonical(again, canonical) && again == canonical);
  std::string same;
  const std::string padded = "&" + std::string(query) + "&&";
  require(variance.append_canonical(same, padded) && same == canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const std::string_view text = input.substr(0, end);
  read_everything(text);
  HeaderTable fields;
  fields.add("CDN-Cache-Control", text);
  fields.add("Cache-Groups", text);
  fields.add("No-Vary-Search", text);
  fields.add("X-Edge-Control", text);
  const auto targeted = parse_targeted_cache_control(fields);
  const auto named = parse_targeted_cache_control(fields, "x-edge-control");
  require(targeted.has_value() == named.has_value());
  if (targeted) require(targeted->present && targeted->max_age == named->max_age);
  require(parse_string_list(fields, HeaderId::cache_groups, 32).size() <= 32);
  const auto variance = SearchVariance::of(fields);
  if (variance && end != std::string_view::npos) check_query(*variance, input.substr(end + 1));
  return 0;
}
