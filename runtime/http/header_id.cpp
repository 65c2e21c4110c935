#include "runtime/http/header_id.hpp"

#include <array>
#include <cstring>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr std::array<std::string_view, header_id_count> names = {
    std::string_view{},
#define HOMEOSTAT_HEADER_TEXT(id, text) std::string_view{text},
    HOMEOSTAT_HEADER_LIST(HOMEOSTAT_HEADER_TEXT)
#undef HOMEOSTAT_HEADER_TEXT
};

constexpr std::size_t name_length_max = 32;
constexpr std::size_t slot_count = 512;  // sparse: a probe rarely meets a neighbour

/// Case-folded by bit 5 alone, which is exact for every token character.
constexpr unsigned folded(char c) { return static_cast<unsigned char>(c) | 0x20U; }

constexpr std::size_t slot_of(std::string_view name) {
  const std::size_t size = name.size();
  const unsigned mixed = folded(name[0]) * 7U + folded(name[size / 2]) * 31U +
                         folded(name[size - 1]) * 13U + static_cast<unsigned>(size) * 61U;
  return mixed % slot_count;
}

struct Table {
  std::array<std::array<char, name_length_max>, header_id_count> lower{};
  std::array<std::uint8_t, slot_count> slots{};  // 0: free

  constexpr Table() {
    for (std::size_t id = 1; id < header_id_count; ++id) {
      const std::string_view name = names[id];
      for (std::size_t i = 0; i < name.size(); ++i) lower[id][i] = to_lower(name[i]);
      std::size_t slot = slot_of(name);
      while (slots[slot] != 0) slot = (slot + 1) % slot_count;
      slots[slot] = static_cast<std::uint8_t>(id);
    }
  }
};

constexpr Table table;

constexpr std::uint64_t fold_mask = 0x2020202020202020ULL;

/// Whether the Word's bytes at both places are the same text.
template <class Word>
bool same_word(const char* name, const char* lower) noexcept {
  Word a = 0;
  Word b = 0;
  std::memcpy(&a, name, sizeof(Word));
  std::memcpy(&b, lower, sizeof(Word));
  return (a | static_cast<Word>(fold_mask)) == b;
}

/// The last word overlaps the one before it: no byte is looked at alone.
template <class Word>
bool same_words(const char* name, const char* lower, std::size_t size) noexcept {
  const std::size_t last = size - sizeof(Word);
  for (std::size_t i = 0; i < last; i += sizeof(Word)) {
    if (!same_word<Word>(name + i, lower + i)) return false;
  }
  return same_word<Word>(name + last, lower + last);
}

bool same_name(const char* name, const char* lower, std::size_t size) noexcept {
  if (size >= 8) return same_words<std::uint64_t>(name, lower, size);
  if (size >= 4) return same_words<std::uint32_t>(name, lower, size);
  for (std::size_t i = 0; i < size; ++i) {
    if (folded(name[i]) != static_cast<unsigned char>(lower[i])) return false;
  }
  return true;
}

}  // namespace

HeaderId header_id(std::string_view name) noexcept {
  if (name.empty() || name.size() > name_length_max) return HeaderId::other;
  for (std::size_t slot = slot_of(name);; slot = (slot + 1) % slot_count) {
    const std::uint8_t id = table.slots[slot];
    if (id == 0) return HeaderId::other;
    if (names[id].size() == name.size() &&
        same_name(name.data(), table.lower[id].data(), name.size())) {
      return static_cast<HeaderId>(id);
    }
  }
}

std::string_view header_name(HeaderId id) noexcept {
  const auto index = static_cast<std::size_t>(id);
  return index < header_id_count ? names[index] : std::string_view{};
}

}  // namespace homeostat::http
