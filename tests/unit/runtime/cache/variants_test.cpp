// Other forms of a stored body: encoded, tightened, decoded.
#include <atomic>
#include <latch>
#include <random>
#include <thread>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using rules::Coding;
using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::table;
using testing::TestRequest;
using SlotState = Object::SlotState;

ObjectPtr variant_of(const ObjectPtr& object, Coding coding, std::size_t bytes, char fill = 'v') {
  BlockPtr block = Block::allocate(bytes);
  std::fill_n(block->data(), bytes, fill);
  return Object::make(variant_head(*object, coding), {{block, bytes}});
}

ObjectPtr stored(Harness& harness, FieldList fields = fresh()) {
  harness.get({}, {200, std::move(fields), std::string(50000, 'x')});
  return harness.find({}).object;
}

std::string block_of(const ObjectHead& head) { return std::string(head.block()); }

TEST(Variants, AreBuiltOncePerCodingAndMayBeReplacedOnce) {
  Harness harness;
  const ObjectPtr object = stored(harness);
  ASSERT_TRUE(object->try_begin_variant(Coding::gzip));
  EXPECT_FALSE(object->try_begin_variant(Coding::gzip));
  ASSERT_TRUE(object->try_begin_variant(Coding::zstd)) << "each coding has its own slot";
  ASSERT_TRUE(
      harness.cache.attach_variant(object, Coding::gzip, variant_of(object, Coding::gzip, 9000)));
  EXPECT_EQ(object->slot_state(Coding::gzip), SlotState::ready);
  ASSERT_TRUE(object->try_begin_variant(Coding::gzip));
  EXPECT_EQ(object->slot_state(Coding::gzip), SlotState::rebuilding);
  EXPECT_EQ(object->variant(Coding::gzip)->body_bytes(), 9000U) << "meanwhile the first serves";
  ASSERT_TRUE(
      harness.cache.attach_variant(object, Coding::gzip, variant_of(object, Coding::gzip, 7000)));
  EXPECT_EQ(object->variant(Coding::gzip)->body_bytes(), 7000U);
  EXPECT_EQ(object->slot_state(Coding::gzip), SlotState::settled);
  EXPECT_FALSE(object->try_begin_variant(Coding::gzip));
}

TEST(Variants, AreCountedToTheByteAndGoWithTheirObject) {
  Harness harness;
  const ObjectPtr object = stored(harness);
  const std::size_t before = harness.cache.bytes();
  const ObjectPtr first = variant_of(object, Coding::gzip, 9000);
  const ObjectPtr better = variant_of(object, Coding::gzip, 8000);
  const ObjectPtr tight = variant_of(object, Coding::identity, 30000);
  ASSERT_TRUE(harness.cache.attach_variant(object, Coding::gzip, first));
  EXPECT_EQ(harness.cache.bytes(), before + first->memory());
  ASSERT_TRUE(harness.cache.attach_variant(object, Coding::gzip, better));
  ASSERT_TRUE(harness.cache.attach_variant(object, Coding::identity, tight));
  // The replaced one lives on for readers that are about to take it.
  const std::size_t all = first->memory() + better->memory() + tight->memory();
  EXPECT_EQ(harness.cache.bytes(), before + all);
  EXPECT_EQ(object->variants_memory(), all);
  testing::flush(harness.cache);
  EXPECT_LT(harness.cache.bytes(), before - 50000U + 1000U);
  EXPECT_FALSE(
      harness.cache.attach_variant(object, Coding::zstd, variant_of(object, Coding::zstd, 9)))
      << "an object that is gone takes no variant any more";
  EXPECT_EQ(object->slot_state(Coding::zstd), SlotState::refused);
}

TEST(Variants, ALargerOneReplacesNothing) {
  Harness harness;
  const ObjectPtr object = stored(harness);
  ASSERT_TRUE(
      harness.cache.attach_variant(object, Coding::zstd, variant_of(object, Coding::zstd, 5000)));
  EXPECT_FALSE(
      harness.cache.attach_variant(object, Coding::zstd, variant_of(object, Coding::zstd, 5000)));
  EXPECT_EQ(object->slot_state(Coding::zstd), SlotState::settled);
  EXPECT_NE(object->variant(Coding::zstd), nullptr);
}

TEST(Variants, RefusalIsForGoodAndAbandonmentIsNot) {
  Harness harness;
  const ObjectPtr object = stored(harness);
  ASSERT_TRUE(object->try_begin_variant(Coding::brotli));
  object->abandon_variant(Coding::brotli);
  ASSERT_TRUE(object->try_begin_variant(Coding::brotli));
  object->refuse_variant(Coding::brotli);
  EXPECT_FALSE(object->try_begin_variant(Coding::brotli));
  EXPECT_EQ(object->variant(Coding::brotli), nullptr);
}

TEST(Variants, LargerThanAQuarterOfTheCacheAreNotKept) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = 512 * config::kibibyte;
  Harness harness(settings);
  const ObjectPtr object = stored(harness);
  ASSERT_TRUE(object);
  EXPECT_FALSE(harness.cache.attach_variant(object, Coding::identity,
                                            variant_of(object, Coding::identity, 200000)));
}

TEST(Variants, SurviveARevalidationThatFoundTheBodyUnchanged) {
  Harness harness;
  FieldList fields = fresh(1);
  fields.emplace_back("ETag", "\"one\"");
  const ObjectPtr before = stored(harness, fields);
  before->add_uses(640);
  ASSERT_TRUE(
      harness.cache.attach_variant(before, Coding::gzip, variant_of(before, Coding::gzip, 9000)));
  before->refuse_variant(Coding::zstd);
  const ObjectPtr after = Object::make(before->head(), before->body());
  after->inherit_variants(*before);
  ASSERT_NE(after->variant(Coding::gzip), nullptr);
  EXPECT_EQ(after->variant(Coding::gzip)->body().front().block,
            before->variant(Coding::gzip)->body().front().block)
      << "nothing is built or copied again";
  EXPECT_EQ(after->slot_state(Coding::gzip), SlotState::ready);
  EXPECT_EQ(after->slot_state(Coding::zstd), SlotState::refused);
  EXPECT_EQ(after->uses(), 640U);
}

TEST(VariantHead, OfAnEncodedFormIsWeakAndVariesAndDropsDigests) {
  Harness harness;
  FieldList fields = fresh();
  fields.emplace_back("ETag", "\"one\"");
  fields.emplace_back("Content-Type", "text/plain");
  fields.emplace_back("Accept-Ranges", "bytes");
  fields.emplace_back("Repr-Digest", "sha-256=:x:");
  fields.emplace_back("Content-MD5", "x");
  const ObjectPtr object = stored(harness, fields);
  const ObjectHead head = variant_head(*object, Coding::brotli);
  EXPECT_EQ(head.etag(), "W/\"one\"");
  EXPECT_EQ(head.coding, Coding::brotli);
  EXPECT_TRUE(head.encoded);
  const std::string block = block_of(head);
  EXPECT_NE(block.find("Content-Encoding: br\r\n"), std::string::npos);
  EXPECT_NE(block.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  for (const char* gone : {"Content-Length", "Accept-Ranges", "Digest", "Content-MD5"}) {
    EXPECT_EQ(block.find(gone), std::string::npos) << gone;
  }
}

TEST(VariantHead, OfATightenedFormIsWeakAndVariesNoMoreThanBefore) {
  Harness harness;
  FieldList fields = fresh();
  fields.emplace_back("ETag", "\"one\"");
  const ObjectPtr object = stored(harness, fields);
  const ObjectHead head = variant_head(*object, Coding::identity);
  EXPECT_EQ(head.etag(), "W/\"one\"") << "other bytes than the origin's";
  EXPECT_EQ(block_of(head).find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(block_of(head).find("Vary"), std::string::npos);
}

TEST(VariantHead, OfADecodedFormLosesItsCodingAndVaries) {
  Harness harness;
  FieldList fields = fresh();
  fields.emplace_back("ETag", "W/\"one\"");
  fields.emplace_back("Content-Encoding", "gzip");
  const ObjectPtr object = stored(harness, fields);
  EXPECT_EQ(object->head().coding, Coding::gzip);
  EXPECT_TRUE(object->head().encoded);
  const ObjectHead head = variant_head(*object, Coding::identity);
  EXPECT_EQ(head.etag(), "W/\"one\"");
  EXPECT_FALSE(head.encoded);
  EXPECT_EQ(block_of(head).find("Content-Encoding"), std::string::npos);
  EXPECT_NE(block_of(head).find("Vary: Accept-Encoding\r\n"), std::string::npos);
}

TEST(VariantHead, RepeatsNoVary) {
  Harness harness;
  FieldList fields = fresh();
  fields.emplace_back("Vary", "accept-encoding");
  const ObjectPtr object = stored(harness, fields);
  ASSERT_TRUE(object);
  EXPECT_TRUE(object->head().varies_by_coding);
  const std::string block = block_of(variant_head(*object, Coding::gzip));
  EXPECT_EQ(block.find("Vary: Accept-Encoding"), std::string::npos);
}

/// Attaches and replaces variants while others read, evict and flush.
TEST(Threads, VariantsComeAndGoWhileObjectsDo) {
  config::CacheSettings settings = testing::small_settings();
  settings.memory = 512 * config::kibibyte;
  ManualClock clock;
  Cache cache(settings, clock, 42);
  constexpr int rounds = 3000;
  std::atomic<std::uint64_t> attached{0}, wrong{0};
  std::latch begin(4);
  const auto traffic = [&](std::uint64_t seed) {
    Worker worker(cache);
    EndpointPolicy policy;
    std::mt19937_64 random(seed);
    begin.arrive_and_wait();
    for (int i = 0; i < rounds; ++i) {
      const std::uint64_t number = random() % 60;
      TestRequest request = testing::at("/" + std::to_string(number));
      const char mark = static_cast<char>('0' + number);
      const Request view = request.view();
      const RequestDecision decision = cache.rules().decide(view);
      const Lookup found = worker.lookup(view, decision, clock.now());
      if (found.kind == Lookup::Kind::hit) {
        const auto coding = static_cast<Coding>(random() % rules::coding_count);
        if (const Object* variant = found.object->variant(coding)) {
          const ObjectPtr held(variant);
          if (testing::body_of(*held).find_first_not_of(mark) != std::string::npos) ++wrong;
        }
        if (found.object->try_begin_variant(coding)) {
          const bool again = found.object->variant(coding) != nullptr;
          attached += cache.attach_variant(
              found.object, coding,
              variant_of(found.object, coding, again ? 1000 : 3000 + random() % 3000, mark));
        }
        continue;
      }
      FillStart start = worker.begin_fill(view, decision, found.object, clock.now());
      if (start.kind != FillStart::Kind::leader) continue;
      const FieldList list = fresh(5);
      const Fields fields = table(list);
      Response response;
      response.status = 200;
      response.fields = &fields;
      response.received = response.requested = clock.now();
      response.received_wall = clock.wall_now();
      start.leader->publish_head(
          decide_store(decision, view, response, policy, cache.object_bytes_max()), std::nullopt,
          *view.fields, clock.now());
      start.leader->append(std::string(9000, mark), clock.now());
      start.leader->complete(clock.now());
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(traffic, seed);
  threads.emplace_back([&] {
    begin.arrive_and_wait();
    for (int i = 0; i < 200; ++i) {
      switch (i % 4) {
        case 0: testing::flush(cache, "/1*"); break;
        case 1: cache.shrink_to(i % 8 == 1 ? 0.3 : 1.0); break;
        case 2: clock.advance(std::chrono::milliseconds(100)); break;
        default: EXPECT_LE(cache.bytes(), settings.memory);
      }
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(attached.load(), 20U);
  EXPECT_LE(cache.bytes(), settings.memory);
  testing::flush(cache);
  EXPECT_EQ(cache.figures().entries, 0U);
}

}  // namespace
}  // namespace homeostat::cache
