// POST /rules/replay: who may, how much, and what goes on meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "rules/expr/expression.hpp"
#include "tests/unit/runtime/admin/admin_fixture.hpp"

namespace homeostat::admin::test {
namespace {

rules::Rule rule(std::string name, std::string_view when) {
  rules::Rule out;
  out.name = std::move(name);
  out.when = std::get<std::shared_ptr<const rules::Expression>>(
      rules::Expression::parse_condition(when, true));
  out.scope = out.when->reads_endpoint() ? rules::Scope::endpoint : rules::Scope::global;
  out.then = {rules::Throttle{0.5}};
  return out;
}

class Replay : public AdminFixture {
 protected:
  void start_with(std::vector<rules::Rule> rules) {
    auto set = std::make_shared<rules::RuleSet>();
    set->rules = std::move(rules);
    auto with = services();
    with.rules = [set] { return set; };
    start(std::move(with));
  }
  Answer replay(const std::string& signals, const std::string& more = "",
                const std::string& token = "viewer-secret-0123456789") {
    return call("POST", "/api/v1/rules/replay",
                {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}},
                R"({"signals":")" + signals + "\"" + more + "}");
  }
  /// The answer to a request whose body is only announced.
  unsigned announce(const std::string& route, const std::string& token, std::size_t bytes) {
    Client client(port);
    client.send(route + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
                "Authorization: Bearer " + token + "\r\nContent-Length: " + std::to_string(bytes) +
                "\r\n\r\n");
    return client.read().status;
  }
  /// CPU at 95 % over so many rows, ten seconds apart.
  static std::string csv(int rows) {
    std::string text = "time,cpu.utilization\\n";
    for (int i = 0; i < rows; ++i) text += std::to_string(1000 + 10 * i) + ",0.95\\n";
    return text;
  }
};

TEST_F(Replay, SaysWhatWouldHaveFired) {
  start_with({rule("busy", "cpu.utilization > 90%")});
  const Answer answer = replay(csv(10));
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const json::object body = answer.json();
  EXPECT_EQ(at(body, "replay.rules").at(0).at("activations"), 1);
  EXPECT_EQ(at(body, "replay.effects_not_replayed"), false);
}

TEST_F(Replay, LeavesTrialsOutAndSaysSo) {
  rules::Rule trial = rule("busy", "cpu.utilization > 90%");
  trial.effect = rules::EffectGoal{};
  start_with({trial});
  const json::object body = replay(csv(10)).json();
  EXPECT_EQ(at(body, "replay.effects_not_replayed"), true);
  EXPECT_EQ(at(body, "replay.rules").at(0).at("active_seconds").to_number<double>(), 90)
      << "in force all the time";
}

TEST_F(Replay, RefusesMoreThanItsShareOfWork) {
  std::vector<rules::Rule> many;
  for (int i = 0; i < 400; ++i)
    many.push_back(rule("r" + std::to_string(i), "cpu.utilization > 1%"));
  start_with(many);
  const std::string day = "time,cpu.utilization\\n0,0.95\\n20000,0.95\\n";
  const Answer answer = replay(day);
  EXPECT_EQ(answer.status, 422U);
  EXPECT_NE(
      answer.body.find("8000400 evaluations (ticks x rules x endpoints), the most is 5000000"),
      std::string::npos)
      << answer.body;
  EXPECT_EQ(replay(day, R"(,"step_seconds":3600)").status, 200U);
  EXPECT_EQ(replay(day, R"(,"step_seconds":0)").status, 422U);
}

/// Rules that take a replay of `half_a_day` so long that it is under way when the next requests
/// come.
std::shared_ptr<rules::RuleSet> slow_rules() {
  auto set = std::make_shared<rules::RuleSet>();
  for (int i = 0; i < 200; ++i) {
    set->rules.push_back(
        rule("r" + std::to_string(i),
             "quantile(cpu.utilization, " + std::to_string(100 + i) + "m, 95%) > 1%"));
  }
  return set;
}

const std::string half_a_day = R"({"signals":"time,cpu.utilization\n0,0.95\n20000,0.95\n"})";

void send_replay(Client& client, const std::string& body) {
  client.send(
      "POST /api/v1/rules/replay HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
}

/// A client whose slow replay is under way.
class SlowReplay : public Replay {
 protected:
  void SetUp() override {
    auto with = services();
    with.rules = [set = slow_rules(), this] {
      ++asked;
      return set;
    };
    start(std::move(with));
    client = std::make_unique<Client>(port);
    send_replay(*client, half_a_day);
    while (asked == 0) std::this_thread::yield();  // its handler has begun
  }
  Answer another() { return replay("time,cpu.utilization\\n1,0.5\\n"); }

  std::atomic<int> asked{0};
  std::unique_ptr<Client> client;
};

TEST_F(SlowReplay, RunsAloneAndTheOthersAreAnsweredMeanwhile) {
  EXPECT_EQ(get("/livez").status, 200U);
  const Answer second = another();
  EXPECT_EQ(second.status, 503U) << second.body;
  EXPECT_EQ(second.header("Retry-After"), "5");
}

TEST_F(SlowReplay, EndsEarlyWhenItsClientLeaves) {
  client->end_sending();  // all that a server sees of one who leaves, but this one still reads
  const Answer answer = client->read();
  EXPECT_EQ(at(answer.json(), "replay.truncated"), true) << answer.body;
  EXPECT_EQ(another().status, 200U) << "the next need not wait";
}

TEST_F(Replay, TakesALargeRecordingFromThoseWhoMay) {
  add_tokens();
  start_with({rule("busy", "cpu.utilization > 90%")});
  const std::string large = csv(30'000);
  ASSERT_GT(large.size(), 200'000U);
  EXPECT_EQ(replay(large).status, 200U);
  const std::string route = "POST /api/v1/rules/replay";
  EXPECT_EQ(announce(route, "somebody-else-0123456789", 300'000), 413U);
  EXPECT_EQ(announce(route, "viewer-secret-0123456789", 5'000'000), 413U);
  EXPECT_EQ(announce("PUT /api/v1/performance/level", "operator-secret-0123456789", 300'000), 413U);
}

/// A body of that size out of so many pieces.
std::string body_of(const std::string& piece, std::size_t bytes) {
  std::string text = R"({"signals":[)";
  while (text.size() + piece.size() + 2 < bytes) text += piece + ",";
  text.back() = ']';
  return text + "}";
}

TEST_F(Replay, HostileBodiesGetAnAnswerAndNothingElse) {
  start_with({rule("busy", "cpu.utilization > 90%")});
  const auto post = [this](const std::string& body) {
    return call("POST", "/api/v1/rules/replay", {{"Content-Type", "application/json"}}, body);
  };
  const std::size_t most = 4 * 1024 * 1024;
  for (const char* piece : {"[[0]]", "[0]", "{\"a\":0}"}) {
    const Answer many = post(body_of(piece, most));
    EXPECT_EQ(many.status, 413U) << piece;
    EXPECT_NE(many.body.find("too many values: at most 40 MiB"), std::string::npos) << many.body;
  }
  EXPECT_EQ(post(body_of("[1769860800,\"0.85\"]", most)).status, 422U) << "read, and no series";
  EXPECT_EQ(post(R"({"signals":)" + std::string(1000, '[') + std::string(1000, ']') + "}").status,
            400U);
  EXPECT_EQ(post(R"({"signals":7})").status, 422U);
  EXPECT_EQ(post(R"({"signals":null})").status, 422U);
  for (const char* rows : {"nan,0.5", "-5,0.5", "1e300,0.5", "4102444800,0.5", "1,nan", "1,inf",
                           "1,1e999", "1", "1,2,3", ",1", "time"}) {
    EXPECT_EQ(replay("time,cpu.utilization\\n" + std::string(rows) + "\\n").status, 422U) << rows;
  }
  EXPECT_EQ(get("/livez").status, 200U);
}

TEST_F(Replay, TakesTheFirstOfSamplesThatComeTwice) {
  start_with({rule("busy", "cpu.utilization > 90%")});
  const Answer answer = replay("time,cpu.utilization\\n1,0.5\\n1,0.95\\n2,0.5\\n");
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(at(answer.json(), "replay.events_total"), 0);
}

/// One sample of so many endpoints.
std::string endpoints(int count) {
  std::string text = "time";
  for (int i = 0; i < count; ++i) text += ",endpoint.rate[GET /" + std::to_string(i) + "]";
  return text + "\\n1" + std::string(static_cast<std::size_t>(count - 1), ',') + ",5\\n";
}

TEST_F(Replay, RefusesMoreStatesThanItHasMemoryFor) {
  std::vector<rules::Rule> many;
  for (int i = 0; i < 4; ++i) many.push_back(rule("r" + std::to_string(i), "endpoint.rate > 1/s"));
  start_with(many);
  EXPECT_EQ(replay(endpoints(750)).status, 200U);
  EXPECT_NE(replay(endpoints(751)).body.find("3004 states (rules x endpoints), the most is 3000"),
            std::string::npos);
}

TEST_F(Replay, RefusesMoreEndpointsThanItHasMemoryFor) {
  start_with({rule("busy", "cpu.utilization > 90%")});
  EXPECT_EQ(replay(endpoints(1000)).status, 200U);
  EXPECT_NE(replay(endpoints(1001)).body.find("1001 endpoints, the most is 1000"),
            std::string::npos);
}

TEST_F(Replay, ReadsWhatIsRecordedAsideFromTheOthers) {
  auto set = std::make_shared<rules::RuleSet>();
  set->rules = {rule("busy", "cpu.utilization > 90%")};
  auto with = services();
  with.rules = [set] { return set; };
  std::promise<void> reading, read_on;
  with.recorded_signals = [&]() -> std::optional<std::string> {
    reading.set_value();
    read_on.get_future().wait();
    return "time,cpu.utilization\n1,0.95\n";
  };
  start(std::move(with));
  Client first(port);
  first.send("POST /api/v1/rules/replay HTTP/1.1\r\nHost: localhost\r\n\r\n");
  reading.get_future().wait();
  auto other = std::async(std::launch::async, [this] { return get("/livez").status; });
  EXPECT_EQ(other.wait_for(std::chrono::seconds(10)), std::future_status::ready)
      << "a slow disk holds up nobody else";
  read_on.set_value();
  EXPECT_EQ(other.get(), 200U);
  EXPECT_EQ(first.read().status, 200U);
}

TEST_F(Replay, AnErrorOfARecordingNamesItsLine) {
  start_with({rule("busy", "cpu.utilization > 90%")});
  const Answer answer = replay("time,cpu.utilization\\n1,hot\\n");
  EXPECT_EQ(answer.status, 422U);
  EXPECT_NE(answer.body.find("signals, line 2"), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace homeostat::admin::test
