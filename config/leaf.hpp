// The schema's building blocks: a Leaf binds one key to one field of Settings
// and knows how to read, print and describe it; a Visitor walks a schema.
//
// The same walk (schema.hpp) reads a file, prints effective settings, compares
// two of them, lists every key for the reference and for environment names. So
// a key, its range and its effect on reload are written down once.
//
// Thread safety: none; leaves borrow the field they are bound to.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "config/node.hpp"

namespace homeostat::config {

/// What must be done for a change of a key to take effect.
enum class Apply : std::uint8_t { reload, restart };

struct Key {
  std::string_view name;
  Apply apply = Apply::reload;
  /// Not empty: part of the contract, but not available in this version. Its
  /// presence is an error that says this.
  std::string_view refused{};
};

/// What a leaf needs while it reads.
struct Reading {
  Report& report;
  std::string base_dir;                 ///< relative paths start here; never empty
  std::map<std::string, Place> places;  ///< dotted key -> where it was given
  bool main = true;                     ///< the main file, not a rule file
  std::set<std::string> failed{};       ///< dotted keys whose value could not be read
};

class Visitor;

class Leaf {
 public:
  virtual ~Leaf() = default;

  /// Reads the node into the field; on error reports it and leaves the field.
  /// `path` is the dotted key, for messages.
  virtual void read(const Node& node, const std::string& path, Reading& reading) = 0;
  /// The field as YAML flow text without secrets; empty if it is not set.
  [[nodiscard]] virtual std::string show() const = 0;
  /// The field for comparison: like show(), but complete.
  [[nodiscard]] virtual std::string identity() const { return show(); }
  /// "duration", "size", "list of text", ...
  [[nodiscard]] virtual std::string type() const = 0;
  /// "1s to 1h", "on, off or shadow"; empty if anything of the type goes.
  [[nodiscard]] virtual std::string allowed() const { return {}; }
  /// Walks the keys of one row, for leaves that are lists of maps.
  virtual void visit_row(Visitor&) {}
  /// Makes the field what the same key of other settings holds, complete.
  virtual void take(const Leaf& same_key) = 0;

 protected:
  Leaf() = default;
  Leaf(const Leaf&) = default;
  Leaf& operator=(const Leaf&) = default;
};

/// For take(): a leaf of the same key is of the same kind.
template <class Kind>
[[nodiscard]] const Kind& same_kind(const Kind&, const Leaf& other) {
  return dynamic_cast<const Kind&>(other);
}

class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void leaf(const Key& key, Leaf&& leaf) = 0;
  /// Opens a section (a map); every begin() has its end().
  virtual void begin(const Key& key) = 0;
  virtual void end() = 0;

 protected:
  Visitor() = default;
  Visitor(const Visitor&) = default;
  Visitor& operator=(const Visitor&) = default;
};

/// Text as a YAML scalar: plain where that is safe, else double-quoted.
[[nodiscard]] std::string yaml_text(std::string_view text);

/// A URL's scheme and host, as shown() shows a scalar: its user, path and query may be
/// secrets.
[[nodiscard]] std::string shown_url(const Node& scalar);

/// "`path` must be <type>, <allowed>; it is <what>": the message of a wrong type.
void report_type(const Leaf& leaf, const Node& node, const std::string& path, Reading& reading);
/// "`path`: `value` is not valid: <why>".
void report_value(const Node& node, const std::string& path, const std::string& why,
                  Reading& reading, std::string suggestion = {});

}  // namespace homeostat::config
