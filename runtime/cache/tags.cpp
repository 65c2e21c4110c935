#include "runtime/cache/tags.hpp"

#include <algorithm>

#include "runtime/cache/key.hpp"
#include "runtime/http/ascii.hpp"

namespace homeostat::cache {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view comma = ",";
constexpr std::string_view blanks_and_comma = " \t,";

std::string_view separators_of(std::string_view field) noexcept {
  if (http::iequals(field, "Surrogate-Key")) return blanks;
  if (http::iequals(field, "Cache-Tag")) return comma;
  return blanks_and_comma;
}

}  // namespace

std::string tag_identity(TagKind kind, std::string_view name) {
  std::string identity(1, static_cast<char>(kind));
  if (name.size() <= tag_name_max) {
    identity += name;
  } else {
    identity += "sha256:";
    identity += sha256_hex(name);
  }
  // Field values hold no line feed; a name that came another way must not
  // break the packing.
  std::replace(identity.begin(), identity.end(), '\n', ' ');
  return identity;
}

std::string group_name(std::string_view host, std::string_view group) {
  std::string name(host);
  name += ' ';  // no host holds one
  name += group;
  return name;
}

void TagSet::add(TagKind kind, std::string_view name) {
  if (name.empty()) return;
  std::string identity = tag_identity(kind, name);
  bool known = false;
  for_each([&](std::string_view other) { known = known || other == identity; });
  if (known) return;
  packed_ += identity;
  packed_ += '\n';
  ++size_;
}

std::vector<std::string> TagSet::names() const {
  std::vector<std::string> names;
  for_each([&](std::string_view identity) {
    if (is_of_kind(identity, TagKind::tag)) names.emplace_back(identity.substr(1));
  });
  return names;
}

TagFields::TagFields(const std::vector<std::string>& names) {
  for (const std::string& name : names) sources_.push_back({name, separators_of(name)});
}

const TagFields::Source* TagFields::find(std::string_view field_name) const noexcept {
  const auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source& source) {
    return http::iequals(source.name, field_name);
  });
  return found == sources_.end() ? nullptr : &*found;
}

bool TagFields::contains(std::string_view field_name) const noexcept {
  return find(field_name) != nullptr;
}

void TagFields::read(const Fields& response, std::size_t count_max, TagSet& tags) const {
  for (const http::Field& field : response) {
    const Source* source = find(field.name);
    if (source == nullptr) continue;
    std::string_view rest = field.value;
    while (!rest.empty() && tags.size() <= count_max) {
      const std::size_t end = rest.find_first_of(source->separators);
      tags.add(TagKind::tag, http::trim(rest.substr(0, end)));
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
  }
}

}  // namespace homeostat::cache
