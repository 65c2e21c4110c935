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
  // Whoever knew another log only learns of it.
  EXPECT_EQ(append({{44, 100}, 1}, 55, {}).last, (LogPosition{33, 2}));
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

TEST_F(LogScript, AnotherTypeOfKeyIsAnError) {
  server_.run({"SET", key_, "not a stream"});
  const redis::CallResult result = send(log_command(key_, 100, {}, 1, {}));
  EXPECT_TRUE(result.reply.is(redis::Reply::Type::error));
  EXPECT_FALSE(read_log_state(result.reply));
}

}  // namespace
}  // namespace homeostat::tier
