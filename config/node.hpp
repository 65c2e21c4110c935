// A YAML document as a plain tree in which every key and value knows its place.
//
// Scalars stay text: `on`, `no` or `1e3` mean what the key that reads them
// says. Aliases are expanded, within the bounds of parse_document.
//
// Ownership: a tree owns its nodes; places share the source text.
// Thread safety: none needed; a tree belongs to one load.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace homeostat::config {

struct Node {
  enum class Kind : std::uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  Place place;
  std::string text;          ///< scalar only
  bool plain = true;         ///< scalar was written without quotes
  bool substituted = false;  ///< scalar had ${...}: its value is never quoted in a diagnostic
  bool defaulted = false;    ///< ... and (part of) it is a default written in the text
  bool broken = false;       ///< substitution failed and was reported; not to be read
  std::string key;           ///< child of a map: its key
  Place key_place;           ///< child of a map: where the key stands
  std::vector<Node> children;

  [[nodiscard]] bool is_map() const noexcept { return kind == Kind::map; }
  [[nodiscard]] bool is_list() const noexcept { return kind == Kind::list; }
  [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::scalar; }
  [[nodiscard]] bool is_null() const noexcept { return kind == Kind::null; }

  /// The child with this key, or null.
  [[nodiscard]] const Node* find(std::string_view name) const noexcept;
  [[nodiscard]] Node* find(std::string_view name) noexcept;
};

/// "a map", "a list", "a single value", "nothing".
[[nodiscard]] std::string_view describe(Node::Kind kind) noexcept;

/// The scalar as it may be shown: "`text`", shortened and with unprintable bytes
/// escaped; "the substituted value" if it came from the environment.
[[nodiscard]] std::string shown(const Node& scalar);

/// Parses one document. Bounds: file_bytes_max, file_depth_max, file_nodes_max,
/// a second document, tags, keys that are not scalars, duplicate keys and
/// control characters are errors. An empty text is an empty map. Nothing is
/// returned only where the text cannot be parsed at all.
[[nodiscard]] std::optional<Node> parse_document(const std::shared_ptr<const Source>& source,
                                                 Report& report);

/// Where byte `offset` of a scalar's value stands in the source, if the value
/// was written literally (folding, quotes and indentation are followed); else
/// the start of the scalar.
[[nodiscard]] Place place_inside(const Node& scalar, std::size_t offset);

}  // namespace homeostat::config
