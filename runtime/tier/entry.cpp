#include "runtime/tier/entry.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/http/ascii.hpp"

namespace homeostat::tier {
namespace {

constexpr std::string_view magic = "hsL2";
constexpr char version = 2;
constexpr std::size_t header_size = 16;
constexpr std::size_t checksum_at = 8;
constexpr std::size_t names_max = 64, tags_max = 4096;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out_ += static_cast<char>((value >> (8 * i)) & 0xFFU);
  }
  void text(std::string_view text) {
    number(text.size(), 4);
    out_ += text;
  }
  void texts(const std::vector<std::string>& all) {
    number(all.size(), 2);
    for (const std::string& one : all) text(one);
  }

 private:
  std::string& out_;
};

/// Stays at its end after the first thing that does not fit.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number(std::size_t bytes) {
    const std::string_view part = take(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(part[i])} << (8 * i);
    }
    return value;
  }
  std::string_view text() { return take(static_cast<std::size_t>(number(4))); }
  std::vector<std::string> texts(std::size_t count_max) {
    const std::uint64_t count = number(2);
    std::vector<std::string> all;
    if (count > count_max) broken_ = true;
    for (std::uint64_t i = 0; i < count && !broken_; ++i) all.emplace_back(text());
    return all;
  }
  [[nodiscard]] bool ended_well() const noexcept { return !broken_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t bytes) {
    if (broken_ || bytes > rest_.size()) {
      broken_ = true;
      return {};
    }
    const std::string_view part = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return part;
  }
  std::string_view rest_;
  bool broken_ = false;
};

std::uint64_t checksum_of(std::string_view bytes) noexcept {
  return XXH3_64bits(bytes.data() + header_size, bytes.size() - header_size);
}

std::uint64_t milliseconds_of(std::chrono::milliseconds value) noexcept {
  return static_cast<std::uint64_t>(value.count());
}

constexpr std::chrono::milliseconds time_max = std::chrono::hours(24 * 366 * 100);

/// What is longer becomes just too long: it must not overflow before it is judged.
std::chrono::milliseconds to_milliseconds(std::uint64_t value) noexcept {
  constexpr auto longest = static_cast<std::uint64_t>(time_max.count()) + 1;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(value, longest)));
}

/// Every line `name: value CRLF`, without a byte that could make more of it.
bool fields_are_lines(std::string_view lines) noexcept {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos || end < 2 || lines[end - 1] != '\r') return false;
    const std::string_view line = lines.substr(0, end - 1);
    const std::size_t colon = line.find(": ");
    // No name with a blank or colon, which others might read differently.
    if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon))) return false;
    for (const char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7F) return false;
    }
    lines.remove_prefix(end + 1);
  }
  return true;
}

bool sensible(const Entry& entry) noexcept {
  using std::chrono::milliseconds;
  if (entry.key.empty() || entry.since.epoch == 0) return false;
  if (entry.soft_ttl < milliseconds::zero() || entry.ttl < milliseconds::zero() ||
      entry.cost < milliseconds::zero() || entry.ttl > time_max || entry.soft_ttl > time_max ||
      entry.cost > time_max || entry.created.time_since_epoch() < WallTime::duration::zero() ||
      entry.created.time_since_epoch() > time_max) {
    return false;
  }
  if (entry.kind == Entry::Kind::vary) return !entry.vary.empty();
  if (entry.status < 200 || entry.status > 599) return false;
  // Bytes after a head that cannot have any would be taken for the next response.
  const bool bodiless = entry.status == 204 || entry.status == 205 || entry.status == 304;
  if (bodiless && entry.body_bytes > 0) return false;
  if (entry.coding == rules::Coding::identity && entry.body.size() != entry.body_bytes)
    return false;
  return fields_are_lines(entry.fields);
}

}  // namespace

std::string_view to_string(EntryError error) noexcept {
  static constexpr std::array<std::string_view, entry_error_count> words = {
      "none", "foreign", "version", "truncated", "checksum", "malformed"};
  return words[static_cast<std::size_t>(error)];
}

std::string encode(const Entry& entry) {
  std::string out;
  out.reserve(256 + entry.key.size() + entry.fields.size() + entry.body.size());
  out += magic;
  out += version;
  out += static_cast<char>(entry.kind);
  out += static_cast<char>(entry.coding);
  out += '\0';
  Writer writer(out);
  writer.number(0, 8);  // the checksum's place
  writer.number(entry.since.epoch, 8);
  writer.number(entry.since.number, 8);
  const auto created =
      std::chrono::duration_cast<std::chrono::milliseconds>(entry.created.time_since_epoch());
  writer.number(milliseconds_of(created), 8);
  writer.number(milliseconds_of(entry.soft_ttl), 8);
  writer.number(milliseconds_of(entry.ttl), 8);
  writer.number(milliseconds_of(entry.cost), 8);
  writer.number(entry.query_shape, 8);
  writer.number(entry.status, 2);
  writer.number(entry.body_bytes, 8);
  writer.text(entry.key);
  writer.text(entry.fields);
  writer.texts(entry.vary);
  writer.text(entry.variant);
  writer.texts(entry.tags);
  writer.text(entry.body);
  const std::uint64_t checksum = checksum_of(out);
  for (std::size_t i = 0; i < 8; ++i) {
    out[checksum_at + i] = static_cast<char>((checksum >> (8 * i)) & 0xFFU);
  }
  return out;
}

EntryError decode(std::string_view bytes, Entry& entry) {
  if (!bytes.starts_with(magic)) return EntryError::foreign;
  if (bytes.size() < header_size) return EntryError::truncated;
  if (bytes[4] != version) return EntryError::version;
  Reader header(bytes.substr(checksum_at, 8));
  // A text that was cut or changed is caught here, before its lengths are trusted.
  if (header.number(8) != checksum_of(bytes)) return EntryError::checksum;
  const auto kind = static_cast<unsigned char>(bytes[5]);
  const auto coding = static_cast<unsigned char>(bytes[6]);
  if (kind > 1 || coding >= rules::coding_count) return EntryError::malformed;
  entry.kind = static_cast<Entry::Kind>(kind);
  entry.coding = static_cast<rules::Coding>(coding);
  Reader reader(bytes.substr(header_size));
  entry.since.epoch = reader.number(8);
  entry.since.number = reader.number(8);
  entry.created = WallTime(to_milliseconds(reader.number(8)));
  entry.soft_ttl = to_milliseconds(reader.number(8));
  entry.ttl = to_milliseconds(reader.number(8));
  entry.cost = to_milliseconds(reader.number(8));
  entry.query_shape = reader.number(8);
  entry.status = static_cast<std::uint16_t>(reader.number(2));
  entry.body_bytes = reader.number(8);
  entry.key = reader.text();
  entry.fields = reader.text();
  entry.vary = reader.texts(names_max);
  entry.variant = reader.text();
  entry.tags = reader.texts(tags_max);
  entry.body = reader.text();
  if (!reader.ended_well() || !sensible(entry)) return EntryError::malformed;
  return EntryError::none;
}

}  // namespace homeostat::tier
