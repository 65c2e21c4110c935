// The fleet's log in a real Redis.
#include "runtime/tier/log_script.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::tier {
namespace {

class LogScript : public testing::Test {
 protected:
  LogScript() : running_(redis::settings_for({server_.port()})) {
    EXPECT_TRUE(running_.run_until_up());
  }

  redis::CallResult send(const std::string& command) {
    std::optional<redis::CallResult> answer;
    EXPECT_EQ(running_.client().call(key_, command, std::chrono::seconds(10),
                                     [&](redis::CallResult result) { answer = std::move(result); }),
              redis::CallError::none);
    EXPECT_TRUE(running_.run_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  LogState append(const LogMark& seen, std::uint64_t fresh, const std::vector<std::string>& texts) {
    const redis::CallResult result = send(log_command(key_, length_max_, seen, fresh, texts));
    const auto state = read_log_state(result.reply);
    EXPECT_TRUE(state) << result.reply.text;
    return state.value_or(LogState{});
  }
  std::vector<LogEntry> read(std::uint64_t after) {
    const redis::CallResult result =
        send(read_command(key_, after, 100, std::chrono::milliseconds(1)));
    auto entries = read_log_entries(result.reply);
    EXPECT_TRUE(entries) << result.reply.text;
    return entries.value_or(std::vector<LogEntry>{});
  }

  /// Log and ancestors as they are now; a failover to a server that has them in this state.
  void keep_as(const std::string& name) const {
    server_.run({"COPY", key_, "{hs:default}:" + name, "REPLACE"});
    server_.run({"DEL", "{hs:default}:ancestors of " + name});
    server_.run({"COPY", ancestors_key(key_), "{hs:default}:ancestors of " + name});
  }
  void go_back_to(const std::string& name) const {
    server_.run({"DEL", key_, ancestors_key(key_)});
    server_.run({"COPY", "{hs:default}:" + name, key_});
    server_.run({"COPY", "{hs:default}:ancestors of " + name, ancestors_key(key_)});
  }

  test::RedisServer server_;
  redis::RunningClient running_;
  const std::string key_ = log_key("hs", "default");
  std::size_t length_max_ = 1000;
};

TEST_F(LogScript, IsMadeOnceWithAnEpochOfItsOwn) {
  EXPECT_EQ(append({}, 11, {}).last, (LogPosition{11, 1}));
  EXPECT_EQ(append({}, 22, {}).last, (LogPosition{11, 1}));
}

TEST_F(LogScript, NumbersAreDenseAndKeepTheirText) {
  EXPECT_EQ(append({}, 11, {"one", "two"}).last, (LogPosition{11, 3}));
  EXPECT_EQ(append({{11, 3}, 11}, 99, {std::string("thr\0ee\n", 7)}).last, (LogPosition{11, 4}));
  const auto entries = read(1);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].position, (LogPosition{11, 2}));
  EXPECT_EQ(entries[0].text, "one");
  EXPECT_EQ(entries[2].position, (LogPosition{11, 4}));
  EXPECT_EQ(entries[2].text, std::string("thr\0ee\n", 7));
  EXPECT_TRUE(read(4).empty());
}

TEST_F(LogScript, IsMadeAnewIfItHasLostWhatTheCallerSaw) {
  append({}, 11, {"one", "two"});
  EXPECT_EQ(append({{11, 10}, 11}, 33, {"three"}).last, (LogPosition{33, 2}));
  const auto entries = read(0);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].text, "three");
  // Whoever came as far as the one that was lost, and no farther, only learns of it.
  EXPECT_EQ(append({{11, 10}, 11}, 44, {}).last, (LogPosition{33, 2}));
  EXPECT_EQ(append({{11, 3}, 11}, 55, {}).last, (LogPosition{33, 2}));
  EXPECT_EQ(append({}, 66, {}).last, (LogPosition{33, 2})) << "nor has he who knows nothing";
}

TEST_F(LogScript, IsMadeAnewForWhoSawMoreOfAnAncestorThanWasKnown) {
  append({}, 11, {"one", "two"});
  append({{11, 10}, 11}, 22, {});
  EXPECT_EQ(append({{11, 11}, 5}, 33, {}).last, (LogPosition{33, 1}))
      << "the eleventh may have come after things that were stored under 22";
  for (const LogMark& seen : {LogMark{{11, 11}, 5}, LogMark{{11, 10}, 11}, LogMark{{22, 1}, 22}}) {
    EXPECT_EQ(append(seen, 44, {}).last, (LogPosition{33, 1})) << seen.position.epoch;
  }
}

TEST_F(LogScript, ComingBackToAnOldLogMakesItAnew) {
  append({}, 11, {"one"});
  const LogMark old{{11, 2}, 11};
  keep_as("first server");
  server_.run({"DEL", key_});
  const LogState second = append(old, 22, {"two"});
  EXPECT_EQ(second.last, (LogPosition{22, 2}));
  go_back_to("first server");
  EXPECT_EQ(append(old, 33, {}).last, old.position)
      << "who was never elsewhere cannot know, and neither can Redis";
  const LogState third = append({second.last, second.nonce}, 44, {});
  EXPECT_EQ(third.last, (LogPosition{44, 1})) << "what was invalidated under 22 is not in 11";
  // Both come into it without making it anew once more, and know that theirs is gone.
  EXPECT_EQ(append(old, 55, {}).last, third.last);
  EXPECT_EQ(append({second.last, second.nonce}, 66, {}).last, third.last);
}

TEST_F(LogScript, TwoThatDidNotKnowOfEachOtherAreNeverTakenForOne) {
  append({}, 11, {});
  keep_as("one side");
  const LogState here = append({{11, 2}, 7}, 22, {"here"});
  keep_as("other side");
  go_back_to("one side");
  const LogState there = append({{11, 2}, 7}, 33, {"there"});
  EXPECT_EQ(there.last.epoch, 33U);
  const LogMark from_here{here.last, here.nonce}, from_there{there.last, there.nonce};
  EXPECT_EQ(append(from_here, 44, {}).last, (LogPosition{44, 1}));
  EXPECT_EQ(append(from_there, 55, {}).last, (LogPosition{44, 1}));
  EXPECT_EQ(append({{11, 2}, 7}, 66, {}).last, (LogPosition{44, 1}));
}

TEST_F(LogScript, AncestorsAreBounded) {
  LogState state = append({}, 1000, {});
  for (std::uint64_t i = 1; i <= log_ancestors_max; ++i) {
    server_.run({"DEL", key_});
    state = append({state.last, state.nonce}, 1000 + i, {});
    EXPECT_EQ(state.last, (LogPosition{1000 + i, 1}));
  }
  // A log that is gone takes them with it; of one that is there they are kept.
  const LogMark last{state.last, state.nonce};
  EXPECT_EQ(append({{1000 + log_ancestors_max - 1, 1}, 1000 + log_ancestors_max - 1}, 5, {}).last,
            state.last);
  LogMark before = last;
  for (std::uint64_t i = 1; i <= 2 * log_ancestors_max; ++i) {
    LogMark ahead = before;
    ahead.position.number += 100;
    state = append(ahead, 2000 + i, {});
    EXPECT_EQ(state.last, (LogPosition{2000 + i, 1}));
    before = {state.last, state.nonce};
  }
  EXPECT_EQ(server_.run({"LLEN", ancestors_key(key_)}), std::to_string(log_ancestors_max + 1));
  EXPECT_EQ(append({{2002 + log_ancestors_max, 1}, 2002 + log_ancestors_max}, 5, {}).last,
            state.last);
  EXPECT_EQ(append(last, 6, {}).last, (LogPosition{6, 1})) << "forgotten: rather once too often";
}

TEST_F(LogScript, IsMadeAnewIfSomebodyElseGotTheNumberTheCallerSaw) {
  const LogState state = append({}, 11, {"one"});
  EXPECT_EQ(state.nonce, 11U);
  const LogMark mine{state.last, state.nonce};
  EXPECT_EQ(append(mine, 22, {}).last, state.last) << "it is still there";
  EXPECT_EQ(append({}, 33, {"two"}).nonce, 33U);
  EXPECT_EQ(append(mine, 44, {}).last, (LogPosition{11, 3})) << "and others after it";
  // As after a failover to a server without it, where another agent wrote first.
  EXPECT_EQ(append({state.last, 12}, 55, {}).last, (LogPosition{55, 1}));
}

TEST_F(LogScript, IsBoundedAndSaysWhereItBegins) {
  length_max_ = 100;
  LogState state;
  for (int i = 0; i < 50; ++i) {
    state = append({}, 11, std::vector<std::string>(20, "text"));
  }
  EXPECT_EQ(state.last.number, 1001U);
  EXPECT_GT(state.first, 1U);
  EXPECT_LE(state.last.number - state.first, 300U) << "Redis trims by whole nodes";
}

TEST_F(LogScript, IsBoundedByBytesToo) {
  constexpr std::size_t bytes_max = 10'000, text = 1000;
  LogMark seen;
  for (int i = 0; i < 50; ++i) {
    const std::vector<std::string> texts(1, std::string(text, 'x'));
    const auto state =
        read_log_state(send(log_command(key_, length_max_, seen, 11, texts, bytes_max)).reply);
    ASSERT_TRUE(state);
    seen = {state->last, state->nonce};
    EXPECT_LE((state->last.number - state->first) * text, bytes_max);
  }
  EXPECT_EQ(seen.position, (LogPosition{11, 51})) << "it is the same log";
  EXPECT_GE(read(0).size(), 4U);
}

TEST_F(LogScript, AnotherTypeOfKeyIsAnError) {
  server_.run({"SET", key_, "not a stream"});
  const redis::CallResult result = send(log_command(key_, 100, {}, 1, {}));
  EXPECT_TRUE(result.reply.is(redis::Reply::Type::error));
  EXPECT_FALSE(read_log_state(result.reply));
}

}  // namespace
}  // namespace homeostat::tier
