#include "runtime/cache/vary.hpp"

#include <algorithm>
#include <array>

#include "runtime/cache/key.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/ascii.hpp"

namespace homeostat::cache {
namespace {

constexpr std::size_t value_text_max = 64;
constexpr std::size_t name_bytes_max = 64;

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::to_lower);
  return out;
}

bool case_insensitive(http::HeaderId id) noexcept {
  using http::HeaderId;
  return id == HeaderId::accept || id == HeaderId::accept_charset ||
         id == HeaderId::accept_language;
}

bool secret(http::HeaderId id) noexcept {
  using http::HeaderId;
  return id == HeaderId::cookie || id == HeaderId::authorization ||
         id == HeaderId::proxy_authorization;
}

/// All lines of a field as one list with `,` between elements. Cookies and
/// other values that are no lists are only compared, so treating them alike
/// cannot merge different ones: separators inside them survive.
void append_value(const Fields& request, const std::string& name, std::string& out) {
  const http::HeaderId id = http::header_id(name);
  std::string value;
  bool present = false;
  for (const http::Field& field : request) {
    if (id != http::HeaderId::other ? field.id != id : !http::iequals(field.name, name)) continue;
    if (present) value += ',';
    present = true;
    std::string_view rest = field.value;
    bool first = true;
    while (!rest.empty()) {
      if (!first) value += ',';
      first = false;
      value += http::next_list_element(rest);
    }
  }
  if (!present) return;
  out += '=';
  if (case_insensitive(id)) value = lowered(value);
  if (secret(id) || value.size() > value_text_max) {
    // 128 bits of SHA-256: no secret in a key, and keys stay short. A plain
    // value never has `\\h`, so that none can pose as a hash.
    out += "\\h";
    out += std::string_view(sha256_hex(value)).substr(0, 32);
    return;
  }
  for (const char c : value) {
    if (c == '|' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

void append_accepted_codings(std::string_view value, std::string& out) {
  static constexpr std::array<std::string_view, 4> known = {"br", "deflate", "gzip", "zstd"};
  std::array<bool, known.size()> accepted{};
  std::array<bool, known.size()> named{};
  bool rest_accepted = false;
  http::any_list_element(value, [&](std::string_view element) {
    const std::size_t semicolon = element.find(';');
    std::string_view coding = http::trim(element.substr(0, semicolon));
    int quality = 1000;
    if (semicolon != std::string_view::npos) {
      const std::string_view parameter = http::trim(element.substr(semicolon + 1));
      if (parameter.size() > 2 && http::iequals(parameter.substr(0, 2), "q=")) {
        quality = http::parse_quality(parameter.substr(2));
      }
    }
    if (http::iequals(coding, "x-gzip")) coding = "gzip";
    if (coding == "*") rest_accepted = quality > 0;
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!http::iequals(coding, known[i])) continue;
      named[i] = true;
      accepted[i] = quality > 0;
    }
    return false;
  });
  bool first = true;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (!(accepted[i] || (rest_accepted && !named[i]))) continue;
    if (!first) out += ',';
    first = false;
    out += known[i];
  }
}

bool VarySpec::covers(const VarySpec& other) const noexcept {
  return std::includes(names_.begin(), names_.end(), other.names_.begin(), other.names_.end());
}

void VarySpec::write_variant(const Fields& request, std::string& out) const {
  out.clear();
  for (const std::string& name : names_) {
    if (!out.empty()) out += '|';
    out += name;
    if (name != "accept-encoding") {
      append_value(request, name, out);
      continue;
    }
    const std::size_t lines = request.count(http::HeaderId::accept_encoding);
    if (lines == 0) continue;
    if (lines == 1) {
      out += '=';
      append_accepted_codings(request.get(http::HeaderId::accept_encoding), out);
      continue;
    }
    std::string joined;
    request.any_field(http::HeaderId::accept_encoding, [&](const http::Field& field) {
      if (!joined.empty()) joined += ',';
      joined += field.value;
      return false;
    });
    out += '=';
    append_accepted_codings(joined, out);
  }
}

std::size_t VarySpec::memory() const noexcept {
  std::size_t bytes = sizeof(VarySpec) + names_.capacity() * sizeof(std::string);
  for (const std::string& name : names_) bytes += name.capacity();
  return bytes;
}

VaryNames vary_names(const Fields& response, const std::vector<std::string>& from_rule) {
  VaryNames result;
  for (const std::string& name : from_rule) result.names.push_back(lowered(name));
  response.for_each_token(http::HeaderId::vary, [&](std::string_view token) {
    if (token == "*") {
      result.star = true;
    } else if (result.names.size() > VarySpec::names_max || token.size() > name_bytes_max) {
      result.too_many = true;
    } else {
      result.names.push_back(lowered(token));
    }
  });
  std::sort(result.names.begin(), result.names.end());
  result.names.erase(std::unique(result.names.begin(), result.names.end()), result.names.end());
  if (result.names.size() > VarySpec::names_max) result.too_many = true;
  return result;
}

}  // namespace homeostat::cache
