// The scripts that keep a lease, in a real Redis.
#include <gtest/gtest.h>

#include "runtime/redis/slot.hpp"
#include "runtime/tier/lease_script.hpp"
#include "tests/support/waiting.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

TEST(LeaseKey, LiesInTheSlotOfItsEntryOrDoesNotExist) {
  for (const std::string key : {"hs:default:GET:example.org/a:::", "hs:x:GET:h/{id}/b:::", "a{b",
                                "{}a", "a{}b{c}", "{tag}rest"}) {
    const std::string lease = lease_key(key);
    EXPECT_NE(lease, key);
    if (lease.empty()) continue;
    EXPECT_EQ(redis::slot_of(lease), redis::slot_of(key)) << key;
  }
  EXPECT_EQ(lease_key("hs:default:GET:h/a:::"), "{hs:default:GET:h/a:::}:fill");
}

class LeaseScripts : public testing::Test {
 protected:
  static constexpr auto length = 60s;
  const std::string key_ = "hs:default:GET:h/a:::", lease_ = lease_key(key_);
  const std::string mine_ = std::string(32, 'a'), yours_ = std::string(32, 'b');

  LeaseScripts() : running_(redis::settings_for({server_.port()})) {
    EXPECT_TRUE(running_.run_until_up());
  }
  redis::Reply send(const std::string& command) {
    std::optional<redis::CallResult> answer;
    EXPECT_EQ(running_.client().call(key_, command, 10s,
                                     [&](redis::CallResult result) { answer = std::move(result); }),
              redis::CallError::none);
    EXPECT_TRUE(running_.run_until([&] { return answer.has_value(); }));
    return std::move(answer->reply);
  }
  std::optional<Acquired> acquire(const std::string& token, bool absent = true,
                                  std::chrono::milliseconds time = length) {
    return read_acquired(send(acquire_command(lease_, key_, token, time, absent)));
  }
  std::optional<LeaseUse> release(const std::string& token) {
    return read_lease_use(send(release_command(lease_, token)));
  }
  test::RedisServer server_;
  redis::RunningClient running_;
};

TEST_F(LeaseScripts, OneHoldsItAndOthersLearnHowLong) {
  EXPECT_EQ(acquire(mine_)->state, Acquired::State::ours);
  const auto other = acquire(yours_);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->state, Acquired::State::others);
  EXPECT_GT(other->left, 0ms);
  EXPECT_LE(other->left, std::chrono::milliseconds(length));
  EXPECT_EQ(release(yours_), LeaseUse::lost) << "not his";
  EXPECT_EQ(release(mine_), LeaseUse::waited_for);
  EXPECT_EQ(acquire(yours_)->state, Acquired::State::ours);
  EXPECT_EQ(release(yours_), LeaseUse::alone);
}

TEST_F(LeaseScripts, NoLeaseForWhatWasFilledMeanwhile) {
  server_.run({"SET", key_, "entry"});
  EXPECT_EQ(acquire(mine_)->state, Acquired::State::filled);
  EXPECT_EQ(acquire(yours_, false)->state, Acquired::State::ours)
      << "he has seen it, and cannot use it";
}

TEST_F(LeaseScripts, NewsAreReadInOrderFromWhereTheStreamEnded) {
  const std::string stream = fill_news_key("hs", "default");
  EXPECT_EQ(stream, "{hs:default}:fills");
  auto end = read_last_news(send(last_news_command(stream)));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->last.empty());
  send(tell_command(stream, "old", FillNewsKind::stored));
  end = read_last_news(send(last_news_command(stream)));
  ASSERT_TRUE(end && !end->last.empty());
  auto page = read_news(send(read_news_command(stream, end->last, 10, 1ms)));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->entries.empty());
  send(tell_command(stream, key_, FillNewsKind::stored));
  send(tell_command(stream, "b", FillNewsKind::gone));
  page = read_news(send(read_news_command(stream, end->last, 10, 1ms)));
  ASSERT_TRUE(page && page->entries.size() == 2);
  EXPECT_EQ(page->entries[0].key, fill_news_hash(key_));
  EXPECT_EQ(page->entries[0].kind, FillNewsKind::stored);
  EXPECT_EQ(page->entries[1].kind, FillNewsKind::gone);
}

}  // namespace
}  // namespace homeostat::tier
