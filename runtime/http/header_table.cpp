#include "runtime/http/header_table.hpp"

#include <algorithm>
#include <memory>

namespace homeostat::http {

bool HeaderTable::add(std::string_view name, std::string_view value, HeaderId id) {
  if (size_ == inline_capacity && !large_) grow();
  if (size_ == capacity_max) return false;
  std::construct_at(fields() + size_, Field{name, value, id});
  if (id != HeaderId::other) {
    if (present_.contains(id)) {
      repeated_.insert(id);
    } else {
      present_.insert(id);
      first_[static_cast<std::size_t>(id)] = static_cast<std::uint8_t>(size_);
    }
  }
  ++size_;
  return true;
}

void HeaderTable::grow() {
  auto block = std::make_unique<Field[]>(capacity_max);
  std::copy(inline_, inline_ + size_, block.get());
  large_ = std::move(block);
}

void HeaderTable::copy_from(const HeaderTable& other) {
  if (other.size_ > inline_capacity && !large_) large_ = std::make_unique<Field[]>(capacity_max);
  std::uninitialized_copy(other.begin(), other.end(), fields());
  size_ = other.size_;
  present_ = other.present_;
  repeated_ = other.repeated_;
  // Only entries of present fields are meaningful; the others may be unset.
  for (std::size_t i = 0; i < size_; ++i) {
    const auto id = static_cast<std::size_t>(fields()[i].id);
    if (present_.contains(fields()[i].id)) first_[id] = other.first_[id];
  }
}

const Field* HeaderTable::find(std::string_view name) const noexcept {
  const HeaderId id = header_id(name);
  if (id != HeaderId::other) return find(id);
  for (const Field& field : *this) {
    if (field.id == HeaderId::other && iequals(field.name, name)) return &field;
  }
  return nullptr;
}

std::size_t HeaderTable::count(HeaderId id) const noexcept {
  if (!present_.contains(id)) return 0;
  if (!repeated_.contains(id)) return 1;
  return static_cast<std::size_t>(
      std::count_if(find(id), end(), [id](const Field& field) { return field.id == id; }));
}

bool HeaderTable::contains_token(HeaderId id, std::string_view token) const noexcept {
  return any_field(id, [token](const Field& field) {
    return any_list_element(field.value,
                            [token](std::string_view element) { return iequals(element, token); });
  });
}

}  // namespace homeostat::http
