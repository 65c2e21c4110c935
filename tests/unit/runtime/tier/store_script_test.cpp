// What an entry that is written to a real Redis replaces, and what stays.
#include "runtime/tier/store_script.hpp"

#include <gtest/gtest.h>

#include "runtime/tier/entry.hpp"
#include "runtime/tier/fill_lease.hpp"
#include "runtime/tier/lease_script.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;
using State = StoreResult::State;

class StoreScript : public testing::Test {
 protected:
  const std::string key_ = "hs:default:GET:h/a:::";
  const LeaseTerms none_;
  const LeaseTerms mine_{key_, lease_key(key_), std::string(lease_token_bytes, 'a')};
  const LeaseTerms yours_{key_, lease_key(key_), std::string(lease_token_bytes, 'b')};
  /// The wall clock of those who write.
  const WallTime now_{std::chrono::hours(24 * 365 * 50)};

  StoreScript() : running_(redis::settings_for({server_.port()})) {
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
  /// One that tells which it is; `age` before now_.
  [[nodiscard]] std::string entry(const std::string& body, std::chrono::milliseconds age,
                                  std::uint64_t number = 1, std::uint64_t epoch = 7) const {
    Entry made;
    made.key = key_;
    made.since = {epoch, number};
    made.created = now_ - age;
    made.status = 200;
    made.body = body;
    made.body_bytes = body.size();
    return encode(made);
  }
  StoreResult store(const std::string& bytes, const LeaseTerms& lease, std::uint64_t alive = 0) {
    const StoreTerms terms{60s, alive, now_ + 5s};
    const redis::Reply reply = send(store_command(key_, bytes, terms, lease));
    const auto result = read_stored(reply);
    EXPECT_TRUE(result) << reply.text;
    return result.value_or(StoreResult{});
  }
  State store(const std::string& bytes) { return store(bytes, none_).state; }
  void acquire(const LeaseTerms& lease) {
    const auto answer = read_acquired(
        send(acquire_command(lease.lease_key, key_, lease.token, std::chrono::minutes(1), false)));
    ASSERT_TRUE(answer && answer->state == Acquired::State::ours);
  }
  void wait_for(const LeaseTerms& lease) {
    const auto answer = read_acquired(
        send(acquire_command(lease.lease_key, key_, std::string(lease_token_bytes, 'w'),
                             std::chrono::minutes(1), false)));
    ASSERT_TRUE(answer && answer->state == Acquired::State::others);
  }
  std::string there() {
    Entry read;
    return decode(send(redis::make_command({"GET", key_})).text, read) == EntryError::none
               ? read.body
               : "none";
  }

  test::RedisServer server_;
  redis::RunningClient running_;
};

TEST_F(StoreScript, AnOlderResponseDoesNotReplaceANewerOne) {
  EXPECT_EQ(store(entry("old", 2000ms)), State::stored);
  EXPECT_EQ(store(entry("new", 1000ms)), State::stored);
  EXPECT_EQ(store(entry("slow", 1001ms)), State::older);
  EXPECT_EQ(there(), "new");
  EXPECT_EQ(store(entry("same", 1000ms)), State::stored) << "nobody can say which is older";
  EXPECT_EQ(there(), "same");
  const redis::Reply left = send(redis::make_command({"PTTL", key_}));
  EXPECT_GT(left.integer, 0);
  EXPECT_LE(left.integer, 60000);
}

TEST_F(StoreScript, WhatWasInvalidatedIsReplacedHoweverNewItSaysItIs) {
  store(entry("dead", 0ms, 4));
  EXPECT_EQ(store(entry("alive", 10ms, 5), none_, 5).state, State::stored);
  EXPECT_EQ(there(), "alive");
  EXPECT_EQ(store(entry("older", 20ms, 9), none_, 5).state, State::older)
      << "its writer was further in the log, and its response is older all the same";
  EXPECT_EQ(there(), "alive");
}

TEST_F(StoreScript, WhatNobodyCanUseIsReplaced) {
  store(entry("of another log", 0ms, 1, 8));
  EXPECT_EQ(store(entry("a", 10ms)), State::stored);
  std::string foreign = entry("later version", 0ms);
  foreign[4] = static_cast<char>(foreign[4] + 1);
  for (const std::string& bytes :
       {foreign, std::string("x"), std::string(100, 'x'), entry("cut", 0ms).substr(0, 39)}) {
    server_.run({"DEL", key_});
    send(redis::make_command({"SET", key_, bytes}));
    EXPECT_EQ(store(entry("a", 10ms)), State::stored);
    EXPECT_EQ(there(), "a");
  }
  server_.run({"DEL", key_});
  server_.run({"RPUSH", key_, "a list"});
  EXPECT_EQ(store(entry("a", 10ms)), State::stored);
}

TEST_F(StoreScript, AWrongClockDoesNotKeepOthersOut) {
  store(entry("ahead", -5000ms));
  EXPECT_EQ(store(entry("right", 0ms)), State::older) << "within what clocks may differ";
  server_.run({"DEL", key_});
  store(entry("far ahead", -5001ms));
  EXPECT_EQ(store(entry("right", 0ms)), State::stored);
  EXPECT_EQ(there(), "right");
}

TEST_F(StoreScript, EndsTheLeaseItWasFetchedUnder) {
  acquire(mine_);
  const StoreResult alone = store(entry("a", 10ms), mine_);
  EXPECT_EQ(alone.state, State::stored);
  EXPECT_FALSE(alone.waited_for);
  EXPECT_EQ(server_.run({"EXISTS", mine_.lease_key}), "0");
  acquire(mine_);
  wait_for(mine_);
  EXPECT_TRUE(store(entry("b", 5ms), mine_).waited_for);
  EXPECT_EQ(there(), "b");
  acquire(mine_);
  wait_for(mine_);
  const StoreResult older = store(entry("c", 6ms), mine_);
  EXPECT_EQ(older.state, State::older) << "somebody without a lease was faster";
  EXPECT_TRUE(older.waited_for);
  EXPECT_EQ(there(), "b");
  EXPECT_EQ(server_.run({"EXISTS", mine_.lease_key}), "0");
}

TEST_F(StoreScript, WhoseLeaseEndedDoesNotOverwriteTheNextOne) {
  acquire(yours_);
  EXPECT_EQ(store(entry("late", 0ms), mine_).state, State::lost);
  EXPECT_EQ(there(), "none");
  EXPECT_EQ(store(entry("right", 10ms), yours_).state, State::stored);
  EXPECT_EQ(store(entry("late", 0ms), mine_).state, State::lost)
      << "nobody holds it, but it is there, whatever the clocks say";
  EXPECT_EQ(there(), "right");
  EXPECT_EQ(store(entry("late", 0ms, 3), mine_, 2).state, State::stored)
      << "what is there is dead: better than nothing";
  server_.run({"DEL", key_});
  EXPECT_EQ(store(entry("late", 0ms), mine_).state, State::stored) << "better than nothing";
}

}  // namespace
}  // namespace homeostat::tier
