#include "runtime/http/cache_control.hpp"

#include <algorithm>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

/// One directive: name, and its argument with the quotes taken off.
struct Directive {
  std::string_view name;
  std::string_view argument;
  bool has_argument = false;
  bool broken = false;     // a quoted string that does not end
  std::string_view stray;  // what follows an argument where a comma belongs
};

// What some write where a comma belongs: "private; max-age=0".
constexpr std::string_view separators = "; \t";

/// Takes the next directive off `rest`. A quote that never closes ends at the
/// next comma instead, so that it cannot swallow a following no-store.
Directive next_directive(std::string_view& rest) noexcept {
  Directive directive;
  std::size_t name_end = 0;
  while (name_end < rest.size() && rest[name_end] != '=' && rest[name_end] != ',') ++name_end;
  directive.name = trim(rest.substr(0, name_end));
  if (name_end == rest.size() || rest[name_end] == ',') {
    rest.remove_prefix(std::min(name_end + 1, rest.size()));
    return directive;
  }
  directive.has_argument = true;
  rest.remove_prefix(name_end + 1);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.empty() && rest.front() == '"') {
    std::size_t close = 1;
    while (close < rest.size() && rest[close] != '"') close += rest[close] == '\\' ? 2U : 1U;
    if (close < rest.size()) {
      directive.argument = rest.substr(1, close - 1);
      const std::size_t comma = rest.find(',', close);
      directive.stray = trim(rest.substr(close + 1, comma - close - 1));
      directive.broken = !directive.stray.empty();
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
      return directive;
    }
    directive.broken = true;
  }
  const std::size_t comma = rest.find(',');
  directive.argument = trim(rest.substr(0, comma));
  const std::size_t word_end = directive.argument.find_first_of(separators);
  if (word_end != std::string_view::npos) directive.stray = directive.argument.substr(word_end);
  rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  return directive;
}

/// delta-seconds, saturated; nothing if it is not 1*DIGIT.
std::optional<DeltaSeconds> parse_delta(std::string_view text) noexcept {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const auto value = parse_decimal(text);
  if (!value || *value > delta_seconds_max) return delta_seconds_max;
  return static_cast<DeltaSeconds>(*value);
}

void keep_smaller(std::optional<DeltaSeconds>& slot, DeltaSeconds value) noexcept {
  slot = slot ? std::min(*slot, value) : value;
}

/// Lifetimes: what is no number counts as 0 (RFC 9111 section 4.2.1).
void lifetime(std::optional<DeltaSeconds>& slot, const Directive& directive) noexcept {
  keep_smaller(slot, directive.broken ? 0 : parse_delta(directive.argument).value_or(0));
}

using FieldLists = std::array<std::string_view, CacheControl::field_lists_max>;

/// no-cache and private: unqualified, or one more list of field names.
void qualify(bool& unqualified, FieldLists& lists, const Directive& directive) noexcept {
  if (!directive.has_argument || directive.broken || trim(directive.argument).empty()) {
    unqualified = true;
    return;
  }
  auto* free =
      std::find_if(lists.begin(), lists.end(), [](std::string_view list) { return list.empty(); });
  if (free == lists.end()) {
    unqualified = true;
  } else {
    *free = directive.argument;
  }
}

bool lists_name(const FieldLists& lists, std::string_view field) noexcept {
  for (const std::string_view list : lists) {
    if (any_list_element(list, [field](std::string_view name) { return iequals(name, field); })) {
      return true;
    }
  }
  return false;
}

/// Directives that are present or not.
bool CacheControl::*flag_for(std::string_view name) noexcept {
  struct Entry {
    std::string_view name;
    bool CacheControl::*flag;
  };
  static constexpr Entry entries[] = {
      {"no-store", &CacheControl::no_store},
      {"no-transform", &CacheControl::no_transform},
      {"public", &CacheControl::public_},
      {"must-revalidate", &CacheControl::must_revalidate},
      {"proxy-revalidate", &CacheControl::proxy_revalidate},
      {"must-understand", &CacheControl::must_understand},
      {"immutable", &CacheControl::immutable},
      {"only-if-cached", &CacheControl::only_if_cached},
  };
  for (const Entry& entry : entries) {
    if (iequals(name, entry.name)) return entry.flag;
  }
  return nullptr;
}

void apply(CacheControl& control, const Directive& directive) noexcept {
  const std::string_view name = directive.name;
  if (iequals(name, "max-age")) {
    lifetime(control.max_age, directive);
  } else if (iequals(name, "s-maxage")) {
    lifetime(control.s_maxage, directive);
  } else if (iequals(name, "no-cache")) {
    qualify(control.no_cache, control.no_cache_fields, directive);
  } else if (iequals(name, "private")) {
    qualify(control.private_, control.private_fields, directive);
  } else if (iequals(name, "stale-while-revalidate")) {
    lifetime(control.stale_while_revalidate, directive);
  } else if (iequals(name, "stale-if-error")) {
    lifetime(control.stale_if_error, directive);
  } else if (iequals(name, "max-stale")) {
    if (directive.has_argument) lifetime(control.max_stale, directive);
    else control.max_stale_any = true;
  } else if (iequals(name, "min-fresh")) {
    const DeltaSeconds wanted = parse_delta(directive.argument).value_or(0);
    control.min_fresh = std::max(control.min_fresh.value_or(0), wanted);
  } else if (bool CacheControl::*flag = flag_for(name); flag != nullptr) {
    control.*flag = true;
  }
}

/// The words that forbid sharing count wherever they stand, whatever separates them.
void apply_restrictions(CacheControl& control, std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(separators);
    const std::string_view item = text.substr(0, end);
    const std::string_view word = item.substr(0, item.find('='));
    control.no_store = control.no_store || iequals(word, "no-store");
    control.no_cache = control.no_cache || iequals(word, "no-cache");
    control.private_ = control.private_ || iequals(word, "private");
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

bool CacheControl::no_cache_names(std::string_view field) const noexcept {
  return lists_name(no_cache_fields, field);
}

bool CacheControl::private_names(std::string_view field) const noexcept {
  return lists_name(private_fields, field);
}

void CacheControl::merge(std::string_view value) noexcept {
  while (!value.empty()) {
    const Directive directive = next_directive(value);
    if (directive.name.empty()) continue;
    present = true;
    apply(*this, directive);
    if (directive.name.find_first_of(separators) != std::string_view::npos) {
      apply_restrictions(*this, directive.name);
    }
    apply_restrictions(*this, directive.stray);
  }
}

CacheControl parse_cache_control(const HeaderTable& headers, HeaderId id) noexcept {
  CacheControl control;
  headers.any_field(id, [&control](const Field& field) {
    control.merge(field.value);
    return false;
  });
  return control;
}

}  // namespace homeostat::http
