#include "runtime/http/accept_encoding.hpp"

#include <array>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr int quality_max = 1000;
constexpr int unset = -1;

/// Among equal wishes: smaller output first.
constexpr std::array<Coding, 3> preferred_codings = {Coding::zstd, Coding::brotli, Coding::gzip};

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

struct Wishes {
  std::array<int, coding_count> quality{unset, unset, unset, unset};
  int others = unset;  // "*"

  void read(std::string_view element) noexcept {
    const std::size_t mark = element.find(';');
    const std::string_view name = trim(element.substr(0, mark));
    const int weight =
        mark == std::string_view::npos ? quality_max : weight_of(element.substr(mark + 1));
    if (weight < 0) return;
    if (name == "*") {
      others = weight;
      return;
    }
    for (std::size_t i = 0; i < coding_count; ++i) {
      const auto coding = static_cast<Coding>(i);
      if (iequals(name, coding_name(coding)) ||
          (coding == Coding::gzip && iequals(name, "x-gzip"))) {
        quality[i] = weight;
      }
    }
  }

  /// Quality of a compressed coding: unlisted is not acceptable unless "*" is.
  [[nodiscard]] int of(Coding coding) const noexcept {
    const int own = quality[static_cast<std::size_t>(coding)];
    if (own != unset) return own;
    return others == unset ? 0 : others;
  }
};

}  // namespace

std::string_view coding_name(Coding coding) noexcept {
  switch (coding) {
    case Coding::gzip: return "gzip";
    case Coding::brotli: return "br";
    case Coding::zstd: return "zstd";
    case Coding::identity: break;
  }
  return "identity";
}

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

Negotiation negotiate_coding(const HeaderTable& request, CodingSet available) noexcept {
  if (!request.has(HeaderId::accept_encoding)) return {};
  Wishes wishes;
  request.for_each_token(HeaderId::accept_encoding,
                         [&wishes](std::string_view element) { wishes.read(element); });
  const int identity = wishes.quality[static_cast<std::size_t>(Coding::identity)];
  // Identity is acceptable unless excluded by name or by "*;q=0".
  const bool identity_allowed = identity != unset ? identity > 0 : wishes.others != 0;
  Negotiation best;
  best.acceptable = identity_allowed;
  int best_quality = identity_allowed && identity != unset ? identity : 0;
  for (const Coding coding : preferred_codings) {
    if (!available.contains(coding)) continue;
    const int quality = wishes.of(coding);
    const bool better =
        best.coding == Coding::identity ? quality >= best_quality : quality > best_quality;
    if (quality <= 0 || !better) continue;
    best = {coding, true};
    best_quality = quality;
  }
  return best;
}

}  // namespace homeostat::http
