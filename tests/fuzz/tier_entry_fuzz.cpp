// What may lie in Redis: entries, invalidations and stream rows of arbitrary bytes are
// told apart or understood, never more, and what was understood says the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/tier/entry.hpp"
#include "runtime/tier/health.hpp"
#include "runtime/tier/invalidation.hpp"
#include "runtime/tier/lease_script.hpp"
#include "runtime/tier/log_script.hpp"
#include "runtime/tier/store_script.hpp"

namespace {

using namespace homeostat::tier;

void require(bool condition) {
  if (!condition) std::abort();
}

/// The same bytes with the checksum they should have, so that what is behind it is read.
std::string with_checksum(std::string bytes) {
  constexpr std::size_t header = 16, at = 8;
  if (bytes.size() < header) return bytes;
  bytes.replace(0, 5, "hsL2\x01");
  const std::uint64_t sum = XXH3_64bits(bytes.data() + header, bytes.size() - header);
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[at + i] = static_cast<char>((sum >> (8 * i)) & 0xFFU);
  }
  return bytes;
}

void check_entry(std::string_view bytes) {
  Entry entry;
  if (decode(bytes, entry) != EntryError::none) return;
  require(entry.body.size() <= bytes.size() && entry.fields.size() <= bytes.size());
  const std::string again = encode(entry);
  Entry second;
  require(decode(again, second) == EntryError::none);
  require(second.key == entry.key && second.fields == entry.fields && second.body == entry.body &&
          second.tags == entry.tags && second.vary == entry.vary && second.since == entry.since &&
          second.created == entry.created && second.ttl == entry.ttl);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  check_entry(input);
  check_entry(with_checksum(input));

  const Invalidation invalidation = parse_invalidation(input);
  const std::string text = to_text(invalidation);
  require(to_text(parse_invalidation(text)) == text);

  HealthReport report;
  add_info(input, report);

  homeostat::redis::ReplyReader reader({64 * 1024, 1024});
  reader.feed(input);
  while (const auto reply = reader.next()) {
    static_cast<void>(read_log_state(*reply));
    static_cast<void>(read_log_entries(*reply));
    static_cast<void>(read_acquired(*reply));
    static_cast<void>(read_lease_use(*reply));
    static_cast<void>(read_stored(*reply));
    static_cast<void>(read_last_news(*reply));
    static_cast<void>(read_news(*reply));
  }
  return 0;
}
