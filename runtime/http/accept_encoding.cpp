#include "runtime/http/accept_encoding.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr int quality_max = 1000;
constexpr int unset = -1;

/// A coding's name; nothing if it is not known here.
std::optional<Coding> coding_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < rules::coding_count; ++i) {
    const auto coding = static_cast<Coding>(i);
    if (iequals(name, coding_name(coding))) return coding;
  }
  if (iequals(name, "x-gzip")) return Coding::gzip;
  return std::nullopt;
}

/// Weight of an element "coding;q=0.5"; -1 if malformed.
int weight_of(std::string_view parameters) noexcept {
  int weight = quality_max;
  while (!parameters.empty()) {
    const std::string_view parameter = next_list_element(parameters, ';');
    if (parameter.empty()) continue;
    if (parameter.size() < 2 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    weight = parse_quality(parameter.substr(2));
  }
  return weight;
}

struct Named {
  std::array<int, rules::coding_count> quality{unset, unset, unset, unset};
  int others = unset;  // "*"

  void read(std::string_view element) noexcept {
    const std::size_t mark = element.find(';');
    const std::string_view name = trim(element.substr(0, mark));
    const int weight =
        mark == std::string_view::npos ? quality_max : weight_of(element.substr(mark + 1));
    if (weight < 0) return;
    if (name == "*") {
      others = weight;
    } else if (const auto coding = coding_from(name)) {
      quality[rules::index_of(*coding)] = weight;
    }
  }
};

}  // namespace

int parse_quality(std::string_view text) noexcept {
  text = trim(text);
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  int value = (text[0] - '0') * quality_max;
  if (text.size() == 1) return value;
  if (text[1] != '.') return -1;
  int scale = 100;
  for (const char c : text.substr(2)) {
    if (!is_digit(c)) return -1;
    value += (c - '0') * scale;
    scale /= 10;
  }
  return value <= quality_max ? value : -1;
}

CodingWishes coding_wishes(const HeaderTable& request) noexcept {
  CodingWishes wishes;
  if (!request.has(HeaderId::accept_encoding)) return wishes;
  wishes.stated = true;
  Named named;
  request.for_each_token(HeaderId::accept_encoding,
                         [&named](std::string_view element) { named.read(element); });
  for (std::size_t i = 0; i < rules::coding_count; ++i) {
    // What is not listed is not acceptable, unless "*" is.
    const int own = named.quality[i] != unset ? named.quality[i] : std::max(named.others, 0);
    wishes.quality[i] = static_cast<std::uint16_t>(own);
  }
  wishes.identity_named = named.quality[rules::index_of(Coding::identity)] != unset;
  return wishes;
}

CodingSet CodingWishes::wanted(CodingSet available) const noexcept {
  CodingSet best;
  int highest = identity_named ? std::max<int>(1, quality[rules::index_of(Coding::identity)]) : 1;
  for (const Coding coding : rules::encoded_codings) {
    const int own = quality[rules::index_of(coding)];
    if (!available.contains(coding) || own < highest) continue;
    if (own > highest) best = {};
    highest = own;
    best.insert(coding);
  }
  return best;
}

std::optional<Coding> single_coding(const HeaderTable& response) noexcept {
  const Field* field = response.find(HeaderId::content_encoding);
  if (field == nullptr) return Coding::identity;
  if (response.count(HeaderId::content_encoding) > 1) return std::nullopt;
  return coding_from(trim(field->value));
}

bool describes_coded_bytes(HeaderId id, std::string_view name) noexcept {
  if (id == HeaderId::content_length || id == HeaderId::accept_ranges) return true;
  if (id != HeaderId::other) return false;
  return iequals(name, "Repr-Digest") || iequals(name, "Content-Digest") ||
         iequals(name, "Digest") || iequals(name, "Content-MD5");
}

}  // namespace homeostat::http
