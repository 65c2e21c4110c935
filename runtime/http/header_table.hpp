// A flat table of header fields: views into bytes owned by someone else.
//
// Purpose: one contiguous array in wire order, found by HeaderId in O(1). No
// node and no allocation per field; up to `inline_capacity` fields live in the
// object itself, and a table that ever grew beyond keeps one block for reuse.
//
// Ownership: names and values are views; the caller keeps their bytes alive
// and in place for as long as the table is read.
// Thread safety: none; one owner at a time. Reading from several threads is
// safe while nobody writes.
// Bounds: at most capacity_max fields; add() returns false at the bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/http/ascii.hpp"
#include "runtime/http/header_id.hpp"

namespace homeostat::http {

struct Field {
  std::string_view name;   ///< as received
  std::string_view value;  ///< without surrounding blanks
  HeaderId id = HeaderId::other;
};

class HeaderTable {
 public:
  static constexpr std::size_t inline_capacity = 64;
  static constexpr std::size_t capacity_max = 256;

  HeaderTable() noexcept {}
  ~HeaderTable() = default;
  HeaderTable(const HeaderTable& other) { copy_from(other); }
  HeaderTable& operator=(const HeaderTable& other) {
    if (this != &other) copy_from(other);
    return *this;
  }

  /// Appends a field. Returns false, changing nothing, if the table is full.
  bool add(std::string_view name, std::string_view value) {
    return add(name, value, header_id(name));
  }
  bool add(HeaderId id, std::string_view value) { return add(header_name(id), value, id); }
  bool add(std::string_view name, std::string_view value, HeaderId id);

  /// Forgets all fields in O(1); keeps the memory.
  void clear() noexcept {
    size_ = 0;
    present_.clear();
    repeated_.clear();
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const Field* begin() const noexcept { return fields(); }
  [[nodiscard]] const Field* end() const noexcept { return fields() + size_; }
  [[nodiscard]] const Field& operator[](std::size_t index) const noexcept {
    return fields()[index];
  }

  /// First field of that identifier in wire order; null if there is none.
  /// REQUIRES: id != HeaderId::other.
  [[nodiscard]] const Field* find(HeaderId id) const noexcept {
    return present_.contains(id) ? fields() + first_[static_cast<std::size_t>(id)] : nullptr;
  }
  /// First field of that name, in any case; linear only for unlisted names.
  [[nodiscard]] const Field* find(std::string_view name) const noexcept;
  /// Value of the first field; empty if there is none (use has() to tell apart).
  [[nodiscard]] std::string_view get(HeaderId id) const noexcept {
    const Field* field = find(id);
    return field != nullptr ? field->value : std::string_view{};
  }
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept {
    const Field* field = find(name);
    return field != nullptr ? field->value : std::string_view{};
  }
  [[nodiscard]] bool has(HeaderId id) const noexcept { return present_.contains(id); }
  /// Number of field lines with that identifier; O(1) for none and one.
  [[nodiscard]] std::size_t count(HeaderId id) const noexcept;

  /// Calls `visit(field)` for each line of that identifier until it returns
  /// true; returns whether one did.
  template <class Visit>
  bool any_field(HeaderId id, Visit&& visit) const {
    const Field* field = find(id);
    if (field == nullptr) return false;
    if (!repeated_.contains(id)) return visit(*field);
    for (; field != end(); ++field) {
      if (field->id == id && visit(*field)) return true;
    }
    return false;
  }

  /// Calls `visit(token)` for each non-empty list element over all lines.
  template <class Visit>
  void for_each_token(HeaderId id, Visit&& visit) const {
    any_field(id, [&](const Field& field) {
      any_list_element(field.value, [&](std::string_view token) {
        visit(token);
        return false;
      });
      return false;
    });
  }

  /// Whether a comma-separated list, over all lines, has this element in any case.
  [[nodiscard]] bool contains_token(HeaderId id, std::string_view token) const noexcept;

 private:
  [[nodiscard]] const Field* fields() const noexcept { return large_ ? large_.get() : inline_; }
  [[nodiscard]] Field* fields() noexcept { return large_ ? large_.get() : inline_; }
  void grow();
  void copy_from(const HeaderTable& other);

  // Not initialised: clearing kilobytes for each message would cost more than
  // parsing it. Only the first size_ entries are ever read.
  union {
    Field inline_[inline_capacity];
  };
  std::unique_ptr<Field[]> large_;
  std::size_t size_ = 0;
  HeaderSet present_;
  HeaderSet repeated_;
  std::uint8_t first_[header_id_count];  // valid where present_ has the identifier
};

}  // namespace homeostat::http
