// The tags of one response: names by which it can be taken out of the cache
// together with others.
//
// Four kinds share one index and never meet: tags (from rules and from the
// response's tag fields), groups (RFC 9875 Cache-Groups; a group belongs to one
// origin), paths (a rule's path pattern whose `invalidate_on` may take it) and the
// tenant whose request it answers (tenant.hpp).
// A name longer than `tag_name_max` is replaced by its SHA-256, so that any name
// can be purged. Names are compared as bytes.
//
// Separators: Surrogate-Key by blanks (Fastly), Cache-Tag by commas
// (Cloudflare), xkey and any other field by blanks and commas (Varnish).
//
// Thread safety: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/allocation.hpp"
#include "runtime/cache/fields.hpp"

namespace homeostat::cache {

inline constexpr std::size_t tag_name_max = 128;

enum class TagKind : char { tag = 't', group = 'g', path = 'p', tenant = 'n' };

/// What the index knows a tag by: kind and name.
[[nodiscard]] std::string tag_identity(TagKind kind, std::string_view name);
[[nodiscard]] inline bool is_of_kind(std::string_view identity, TagKind kind) noexcept {
  return !identity.empty() && identity.front() == static_cast<char>(kind);
}
/// The name of a group of RFC 9875: bound to the origin that gave it.
[[nodiscard]] std::string group_name(std::string_view host, std::string_view group);

/// Identities, packed in the order they were added, each once.
class TagSet {
 public:
  /// An empty name is ignored.
  void add(TagKind kind, std::string_view name);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t memory() const noexcept { return allocated_bytes(packed_); }
  /// Calls `visit(std::string_view identity)` for each.
  template <class Visit>
  void for_each(Visit&& visit) const;
  /// The names of kind `tag`.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::string packed_;  // each identity followed by '\n', which no name holds
  std::size_t size_ = 0;
};

/// Which response fields carry tags.
class TagFields {
 public:
  explicit TagFields(const std::vector<std::string>& names);
  [[nodiscard]] bool contains(std::string_view field_name) const noexcept;
  /// Adds what the fields carry; stops at the first tag above `count_max`.
  void read(const Fields& response, std::size_t count_max, TagSet& tags) const;

 private:
  struct Source {
    std::string name;
    std::string_view separators;
  };
  [[nodiscard]] const Source* find(std::string_view field_name) const noexcept;
  std::vector<Source> sources_;
};

// -- implementation -----------------------------------------------------------

template <class Visit>
void TagSet::for_each(Visit&& visit) const {
  std::string_view rest = packed_;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    visit(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
}

}  // namespace homeostat::cache
