#include "runtime/http/search_variance.hpp"

#include <algorithm>
#include <utility>

#include "runtime/http/ascii.hpp"
#include "runtime/http/structured_field.hpp"

namespace homeostat::http {
namespace {

using Kind = StructuredItem::Kind;

std::string form_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Everything but letters, digits and a few marks as %XX: a bijection, so that
/// equal texts mean equal octets.
void append_encoded(std::string& out, std::string_view octets) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : octets) {
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_') {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += digits[octet >> 4U];
    out += digits[octet & 0x0FU];
  }
}

/// Items of an inner list of strings as parameter names; nothing if one is no
/// string or there are too many.
std::optional<std::vector<std::string>> names_of(const StructuredItem& list) {
  if (!list.is(Kind::inner_list)) return std::nullopt;
  std::vector<std::string> names;
  StructuredFieldReader reader(list.text);
  StructuredItem item;
  while (reader.next_inner(item)) {
    if (!item.is(Kind::string) || names.size() == SearchVariance::names_max) return std::nullopt;
    names.push_back(form_decoded(decoded_string(item)));
  }
  if (!reader.ok()) return std::nullopt;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

std::optional<SearchVariance> SearchVariance::of(const HeaderTable& response) {
  if (!response.has(HeaderId::no_vary_search)) return std::nullopt;
  std::string storage;
  StructuredFieldReader reader(combined_value(response, HeaderId::no_vary_search, storage));
  std::optional<StructuredItem> key_order, params, except;
  StructuredMember member;
  while (reader.next_member(member)) {
    if (member.key == "key-order") key_order = member.value;
    if (member.key == "params") params = member.value;
    if (member.key == "except") except = member.value;
  }
  if (!reader.ok()) return std::nullopt;
  SearchVariance variance;
  if (key_order) {
    if (!key_order->is(Kind::boolean)) return std::nullopt;
    variance.key_order_ = !key_order->boolean;
  }
  const bool wildcard = params && params->is(Kind::boolean) && params->boolean;
  if (wildcard) {
    variance.mode_ = Mode::keep_listed;
  } else if (params && !params->is(Kind::boolean)) {
    auto names = names_of(*params);
    if (!names) return std::nullopt;
    variance.names_ = std::move(*names);
  }
  if (except) {
    auto names = wildcard ? names_of(*except) : std::nullopt;
    if (!names) return std::nullopt;
    variance.names_ = std::move(*names);
  }
  if (variance.is_default()) return std::nullopt;
  return variance;
}

bool SearchVariance::kept(std::string_view name) const noexcept {
  const bool listed = std::binary_search(names_.begin(), names_.end(), name);
  return mode_ == Mode::keep_listed ? listed : !listed;
}

bool SearchVariance::append_canonical(std::string& out, std::string_view query) const {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::size_t seen = 0;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view text = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (text.empty()) continue;
    if (++seen > parameters_max) return false;
    const std::size_t equals = text.find('=');
    std::string name = form_decoded(text.substr(0, equals));
    if (!kept(name)) continue;
    parameters.emplace_back(std::move(name), equals == std::string_view::npos
                                                 ? std::string()
                                                 : form_decoded(text.substr(equals + 1)));
  }
  if (!key_order_) {
    std::stable_sort(parameters.begin(), parameters.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  bool first = true;
  for (const auto& [name, value] : parameters) {
    if (!first) out += '&';
    first = false;
    append_encoded(out, name);
    out += '=';
    append_encoded(out, value);
  }
  return true;
}

std::size_t SearchVariance::memory() const noexcept {
  std::size_t bytes = sizeof(*this) + names_.capacity() * sizeof(std::string);
  for (const std::string& name : names_) bytes += name.capacity();
  return bytes;
}

}  // namespace homeostat::http
