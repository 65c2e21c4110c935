#include "runtime/tier/entry.hpp"

#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

Entry sample() {
  Entry entry;
  entry.key = "hs:default:GET:example.com/a:::";
  entry.since = {77, 12};
  entry.created = WallTime(std::chrono::hours(24 * 365 * 50));
  entry.soft_ttl = 30s;
  entry.ttl = 90s;
  entry.cost = 250ms;
  entry.status = 200;
  entry.query_shape = 0x0102030405060708;
  entry.fields = "Content-Type: text/plain\r\nETag: \"v1\"\r\n";
  entry.vary = {"accept-language", "x-b"};
  entry.variant = "accept-language=de&x-b=1";
  entry.tags = {"books", "book:42"};
  entry.body = std::string("any\0bytes\r\n", 11);
  entry.body_bytes = entry.body.size();
  return entry;
}

TEST(Entry, ComesBackAsItWasWritten) {
  const Entry entry = sample();
  Entry read;
  ASSERT_EQ(decode(encode(entry), read), EntryError::none);
  EXPECT_EQ(read.key, entry.key);
  EXPECT_EQ(read.since, entry.since);
  EXPECT_EQ(read.created, entry.created);
  EXPECT_EQ(read.soft_ttl, entry.soft_ttl);
  EXPECT_EQ(read.ttl, entry.ttl);
  EXPECT_EQ(read.cost, entry.cost);
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.query_shape, entry.query_shape);
  EXPECT_EQ(read.fields, entry.fields);
  EXPECT_EQ(read.vary, entry.vary);
  EXPECT_EQ(read.variant, entry.variant);
  EXPECT_EQ(read.tags, entry.tags);
  EXPECT_EQ(read.body, entry.body);
}

TEST(Entry, AMarkerNeedsNoResponse) {
  Entry marker;
  marker.kind = Entry::Kind::vary;
  marker.key = "k";
  marker.since = {1, 1};
  marker.vary = {"accept"};
  Entry read;
  ASSERT_EQ(decode(encode(marker), read), EntryError::none);
  EXPECT_EQ(read.kind, Entry::Kind::vary);
  EXPECT_EQ(read.vary, marker.vary);
}

TEST(Entry, EveryCutIsNoticed) {
  const std::string bytes = encode(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Entry read;
    EXPECT_NE(decode(bytes.substr(0, size), read), EntryError::none) << size;
  }
  Entry read;
  EXPECT_EQ(decode(bytes + "x", read), EntryError::checksum);
}

TEST(Entry, EveryChangedByteIsNoticed) {
  const std::string bytes = encode(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    // Kind and coding are checked for sense only: three bytes outside of the checksum.
    if (at >= 5 && at < 8) continue;
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    Entry read;
    EXPECT_NE(decode(changed, read), EntryError::none) << at;
  }
}

TEST(Entry, TellsForeignBytesAndOtherVersionsApart) {
  Entry read;
  EXPECT_EQ(decode("", read), EntryError::foreign);
  EXPECT_EQ(decode("{\"json\": true}", read), EntryError::foreign);
  EXPECT_EQ(decode("hsL2", read), EntryError::truncated);
  std::string next = encode(sample());
  next[4] = 3;
  EXPECT_EQ(decode(next, read), EntryError::version);
}

TEST(Entry, WhatAnHonestWriterNeverMakesIsMalformed) {
  const auto refused = [](auto change) {
    Entry entry = sample();
    change(entry);
    Entry read;
    return decode(encode(entry), read) == EntryError::malformed;
  };
  EXPECT_TRUE(refused([](Entry& entry) { entry.status = 100; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.key.clear(); }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.since.epoch = 0; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.body_bytes = 5; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.ttl = -1s; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "A: b\n"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "A: b\r\nno colon\r\n"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "A: b\rC: d\r\n"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "A: b"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "Transfer-Encoding : chunked\r\n"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.fields = "Set-Cookie:a=b; x: y\r\n"; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.status = 204; }));
  EXPECT_TRUE(refused([](Entry& entry) { entry.status = 205; }));
}

TEST(Entry, ATimeBeyondAnyClockIsMalformed) {
  std::string bytes = encode(sample());
  constexpr std::size_t created_at = 32, checksum_at = 8, header = 16;
  bytes.replace(created_at, 8, 8, 'E');  // more nanoseconds than there are
  const std::uint64_t sum = XXH3_64bits(bytes.data() + header, bytes.size() - header);
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[checksum_at + i] = static_cast<char>((sum >> (8 * i)) & 0xFFU);
  }
  Entry read;
  EXPECT_EQ(decode(bytes, read), EntryError::malformed);
}

TEST(Entry, RandomBytesNeverPass) {
  std::mt19937 random(42);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = encode(sample());
    const std::size_t changes = 1 + random() % 8;
    bool same = true;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t at = random() % bytes.size();
      const char value = static_cast<char>(random());
      same = same && bytes[at] == value;
      bytes[at] = value;
    }
    Entry read;
    const EntryError error = decode(bytes, read);
    // Kind and coding are outside of the checksum; everything else is as it was.
    if (error == EntryError::none) {
      EXPECT_TRUE(same || read.body == sample().body) << round;
    }
  }
}

}  // namespace
}  // namespace homeostat::tier
