#include "runtime/cache/vary.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/cache/allocation.hpp"
#include "runtime/cache/key.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/credentials.hpp"
#include "runtime/http/hop_by_hop.hpp"

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
  return id == http::HeaderId::accept_charset || id == http::HeaderId::accept_language;
}

/// Of which it is known that blanks around commas and the division into lines mean nothing.
bool is_list(http::HeaderId id) noexcept {
  return case_insensitive(id) || id == http::HeaderId::accept;
}

/// The agent writes its client's address there: what the application sees is not what
/// the request says.
bool names_the_client(std::string_view name) noexcept {
  const http::HeaderId id = http::header_id(name);
  return id == http::HeaderId::x_forwarded_for || id == http::HeaderId::forwarded;
}

/// A field unknown here may hold credentials as well (X-Api-Key); what browsers say
/// about themselves does not.
bool secret(http::HeaderId id, std::string_view name) noexcept {
  using http::HeaderId;
  if (id == HeaderId::other) return !name.starts_with("sec-ch-");
  return http::is_credential(id) || id == HeaderId::proxy_authorization;
}

void append_text(std::string_view value, bool secret, std::string& out) {
  out += '=';
  if (secret || value.size() > value_text_max) {
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

void append_elements(std::string_view line, std::string& out) {
  bool first = true;
  while (!line.empty()) {
    if (!first) out += ',';
    first = false;
    out += http::next_list_element(line);
  }
}

/// All lines of a field that reach the application: Connection may name some that do
/// not. Lines of a list are one; those of others stay apart, since no value has a newline.
void append_value(const Fields& request, const http::HopByHopFilter* filter,
                  const std::string& name, std::string& out) {
  const http::HeaderId id = http::header_id(name);
  const bool list = is_list(id);
  std::string value;
  bool present = false;
  for (const http::Field& field : request) {
    if (id != http::HeaderId::other ? field.id != id : !http::iequals(field.name, name)) continue;
    if (filter != nullptr && !filter->forwarded(field)) continue;
    if (present) value += list ? ',' : '\n';
    present = true;
    if (list) {
      append_elements(field.value, value);
    } else {
      value += field.value;
    }
  }
  if (!present) return;
  if (case_insensitive(id)) value = lowered(value);
  append_text(value, secret(id, name), out);
}

/// The same for Accept-Encoding, in most requests without an allocation.
void append_codings_of(const Fields& request, const http::HopByHopFilter* filter,
                       std::string& out) {
  const http::Field* field = request.find(http::HeaderId::accept_encoding);
  if (field == nullptr || (filter != nullptr && !filter->forwarded(*field))) return;
  const std::size_t start = out.size();
  out += '=';
  if (request.count(http::HeaderId::accept_encoding) == 1) {
    append_accepted_codings(field->value, out);
  } else {
    std::string joined;
    request.any_field(http::HeaderId::accept_encoding, [&](const http::Field& line) {
      if (!joined.empty()) joined += ',';
      joined += line.value;
      return false;
    });
    append_accepted_codings(joined, out);
  }
  const std::string_view text = std::string_view(out).substr(start + 1);
  if (text.size() <= value_text_max && text.find('|') == std::string_view::npos) return;
  const std::string codings(text);
  out.resize(start);
  append_text(codings, false, out);
}

/// What an Accept-Encoding field accepts.
class Codings {
 public:
  /// False: malformed.
  [[nodiscard]] bool read(std::string_view element) {
    const std::size_t semicolon = element.find(';');
    const std::string_view coding = http::trim(element.substr(0, semicolon));
    int quality = 1000;
    if (semicolon != std::string_view::npos) {
      const std::string_view parameter = http::trim(element.substr(semicolon + 1));
      if (!http::iequals(parameter.substr(0, 2), "q=")) return false;
      quality = http::parse_quality(parameter.substr(2));
    }
    if (quality < 0) return false;
    note(http::iequals(coding, "x-gzip") ? "gzip" : coding, quality > 0);
    return true;
  }

  void append(std::string& out) {
    const std::size_t start = out.size();
    const auto add = [&](std::string_view coding) {
      if (out.size() > start) out += ',';
      out += coding;
    };
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (known_[i].value_or(rest_.value_or(false))) add(names[i]);
    }
    // Rare, and each its own variant: the application may know them.
    std::sort(others_.begin(), others_.end());
    others_.erase(std::unique(others_.begin(), others_.end()), others_.end());
    for (const std::string& coding : others_) add(coding);
    if (rest_.value_or(false)) add("*");
    // `*;q=0` forbids identity, too, unless that is named (RFC 9110 section 12.5.3).
    if (!identity_.value_or(rest_.value_or(true))) add("!identity");
  }

 private:
  static constexpr std::array<std::string_view, 4> names = {"br", "deflate", "gzip", "zstd"};

  void note(std::string_view coding, bool accepted) {
    const auto* const at = std::find_if(names.begin(), names.end(), [&](std::string_view one) {
      return http::iequals(coding, one);
    });
    if (coding == "*") {
      rest_ = accepted;
    } else if (http::iequals(coding, "identity")) {
      identity_ = accepted;
    } else if (at != names.end()) {
      known_[static_cast<std::size_t>(at - names.begin())] = accepted;
    } else if (accepted && !coding.empty()) {
      others_.push_back(lowered(coding));
    }
  }

  std::array<std::optional<bool>, names.size()> known_{};
  std::optional<bool> rest_, identity_;
  std::vector<std::string> others_;
};

}  // namespace

void append_accepted_codings(std::string_view value, std::string& out) {
  Codings codings;
  const bool malformed = http::any_list_element(
      value, [&](std::string_view element) { return !codings.read(element); });
  if (malformed) {
    // What the application makes of it is not known. No other text has a `;`.
    out += value;
  } else {
    codings.append(out);
  }
}

bool VarySpec::covers(const VarySpec& other) const noexcept {
  return std::includes(names_.begin(), names_.end(), other.names_.begin(), other.names_.end());
}

void VarySpec::write_variant(const Fields& request, std::string& out) const {
  out.clear();
  std::optional<http::HopByHopFilter> filter;
  if (request.has(http::HeaderId::connection)) filter.emplace(request);
  const http::HopByHopFilter* removed = filter ? &*filter : nullptr;
  for (const std::string& name : names_) {
    if (!out.empty()) out += '|';
    out += name;
    if (name == "accept-encoding") {
      append_codings_of(request, removed, out);
    } else {
      append_value(request, removed, name, out);
    }
  }
}

std::size_t VarySpec::memory() const noexcept {
  std::size_t bytes = allocated_bytes(this) + allocated_bytes(names_.data());
  for (const std::string& name : names_) bytes += allocated_bytes(name);
  return bytes;
}

VaryNames vary_names(const Fields& response, const std::vector<std::string>& from_rule) {
  VaryNames result;
  for (const std::string& name : from_rule) {
    result.star = result.star || name == "*" || names_the_client(name);
    result.names.push_back(lowered(name));
  }
  response.for_each_token(http::HeaderId::vary, [&](std::string_view token) {
    if (token == "*" || names_the_client(token)) {
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
