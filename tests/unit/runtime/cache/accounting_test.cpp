// What the cache says it holds is what the allocator gave for it, whatever is stored, and
// nothing is left of it once it is gone.
#include <malloc.h>

#include "cache_fixture.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace homeostat::cache {
namespace {

using testing::FieldList;
using testing::fresh;
using testing::Harness;
using testing::TestRequest;

TestRequest at(int i) { return testing::at("/catalogue/of/things/" + std::to_string(i)); }

FieldList with(FieldList fields, const std::string& name, const std::string& value) {
  fields.emplace_back(name, value);
  return fields;
}

std::string body_of_size(int bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); }

void store_sizes(Harness& harness, int i) {
  harness.get(at(i), {200, fresh(), body_of_size(i * 7919 % 20000)});
}

void store_nothing_but_overhead(Harness& harness, int i) { harness.get(at(i), {204, fresh(), ""}); }

void store_variants(Harness& harness, int i) {
  TestRequest request = at(i / 8);
  request.fields = {{"Accept-Language", std::to_string(i)}};
  harness.get(request, {200, with(fresh(), "Vary", "Accept-Language"), body_of_size(300)});
}

void store_tags(Harness& harness, int i) {
  const std::string number = std::to_string(i);
  harness.get(at(i), {200,
                      with(fresh(), "Surrogate-Key",
                           "all tenth-" + std::to_string(i / 10) + " a-tag-of-its-own-" + number),
                      body_of_size(100)});
}

void store_coded_forms(Harness& harness, int i) {
  harness.get(at(i), {200, fresh(), body_of_size(2000)});
  const ObjectPtr object = harness.find(at(i)).object;
  ASSERT_TRUE(object);
  for (const std::size_t bytes : {900U, 700U}) {  // the second replaces the first
    const BlockPtr block = Block::allocate(bytes);
    std::fill_n(block->data(), bytes, 'z');
    ASSERT_TRUE(harness.cache.attach_variant(
        object, rules::Coding::gzip,
        Object::make(variant_head(*object, rules::Coding::gzip), {{block, bytes}})));
  }
}

void store_for_tenants(Harness& harness, int i) {
  TestRequest request = at(i / 8);
  request.tenant = "tenant-" + std::to_string(i % 8);
  harness.get(request, {200, fresh(), body_of_size(100)});
}

void store_long_keys_and_fields(Harness& harness, int i) {
  TestRequest request = at(i);
  request.path += std::string(400, 'y');
  harness.get(request, {200, with(fresh(), "X-Long", std::string(700, 'v')), body_of_size(50)});
}

struct Kind {
  const char* name;
  void (*store)(Harness&, int);
  /// As a share of what is held. What finds all tenants' copies of a page is counted for each.
  double over_max = 0.02;
};

/// Bytes in use, as the allocator counts them.
double held() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

class Accounting : public ::testing::TestWithParam<Kind> {
 protected:
  static constexpr int count = 8000, before = 500;

  static config::CacheSettings settings() {
    config::CacheSettings settings = testing::small_settings();
    settings.memory = 256 * config::mebibyte;
    settings.variants_max = count;
    return settings;
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      GetParam().store(harness_, i);
      harness_.forget_fields();
    }
  }
  [[nodiscard]] double accounted() const { return static_cast<double>(harness_.cache.bytes()); }

  Harness harness_{settings()};
};

TEST_P(Accounting, IsWhatTheAllocatorGaveAndComesBack) {
  fill(0, before);
  const double held_before = held(), accounted_before = accounted();
  fill(before, count);
  const double grown = held() - held_before;
  const double share = (accounted() - accounted_before) / grown;
  EXPECT_GT(share, 0.98) << accounted() - accounted_before << " accounted, " << grown << " held";
  EXPECT_LT(share, 1 + GetParam().over_max) << grown << " held";
  harness_.cache.shrink_to(accounted() / 4 / static_cast<double>(256 * config::mebibyte));
  const double left = held() - held_before;
  EXPECT_LT(left, grown / 2);
  EXPECT_NEAR(accounted() - accounted_before, left, grown * GetParam().over_max)
      << "after eviction";
}

TEST_P(Accounting, LeavesNothingBehind) {
  fill(0, count);
  const std::size_t entries = harness_.cache.figures().entries;
  EXPECT_EQ(entries, static_cast<std::size_t>(count));
  testing::flush(harness_.cache);
  const std::size_t empty = harness_.cache.bytes();
  for (int round = 0; round < 3; ++round) {
    fill(0, count);
    testing::flush(harness_.cache);
    EXPECT_EQ(harness_.cache.bytes(), empty) << "in round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Accounting,
                         ::testing::Values(Kind{"sizes", store_sizes},
                                           Kind{"overhead", store_nothing_but_overhead},
                                           Kind{"variants", store_variants},
                                           Kind{"tags", store_tags},
                                           Kind{"coded_forms", store_coded_forms},
                                           Kind{"tenants", store_for_tenants, 0.05},
                                           Kind{"long", store_long_keys_and_fields}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace homeostat::cache

#endif
