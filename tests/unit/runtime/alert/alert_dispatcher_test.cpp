#include "runtime/alert/alert_dispatcher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "runtime/alert/http_client.hpp"
#include "tests/unit/runtime/alert/receiver.hpp"

namespace homeostat::alert::test {
namespace {

using std::chrono::milliseconds;

class Dispatch : public ::testing::Test {
 protected:
  Dispatch() {
    timing.resend = milliseconds(60'000);
    timing.backoff_min = milliseconds(5);
    timing.backoff_max = milliseconds(20);
    settings.labels = {{"team", "shop"}};
  }

  AlertDispatcher& start() {
    dispatcher.emplace(loop.context, SystemClock::instance(), settings,
                       AlertIdentity{"shop-agent", "host:8080", "http://127.0.0.1:9180/"}, timing);
    return *dispatcher;
  }

  static Alert emergency() {
    return {"HomeostatEmergency",    rules::Severity::critical,  "memory",
            "memory is nearly full", "memory.utilization = 98%", false};
  }
  static WallTime now() { return SystemClock::instance().wall_now(); }

  template <class Condition>
  static bool eventually(Condition condition) {
    const Instant deadline = SystemClock::instance().now() + patience;
    while (!condition()) {
      if (SystemClock::instance().now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  config::AlertSettings settings;
  AlertTiming timing;
  Loop loop;
  std::optional<AlertDispatcher> dispatcher;
};

TEST_F(Dispatch, AlertmanagerGetsTheV2Shape) {
  Receiver alertmanager;
  settings.alertmanager = alertmanager.url("/base/");
  start().fire(emergency(), now());
  ASSERT_TRUE(alertmanager.wait_for_calls(1));
  const Received call = alertmanager.calls()[0];
  EXPECT_EQ(call.target, "/base/api/v2/alerts");
  const json::value body = call.json();
  ASSERT_EQ(body.as_array().size(), 1U);
  const json::value& alert = body.at(0);
  const json::object labels = {
      {"alertname", "HomeostatEmergency"}, {"severity", "critical"}, {"service", "shop-agent"},
      {"instance", "host:8080"},           {"scope", "memory"},      {"team", "shop"}};
  EXPECT_EQ(alert.at("labels"), json::value(labels));
  EXPECT_EQ(alert.at("annotations").at("summary"), "memory is nearly full");
  EXPECT_EQ(alert.at("annotations").at("description"), "memory.utilization = 98%");
  EXPECT_EQ(alert.at("generatorURL"), "http://127.0.0.1:9180/");
  EXPECT_LT(alert.at("startsAt").as_string(), alert.at("endsAt").as_string());
}

TEST_F(Dispatch, EndsFourResendsAheadWhileFiring) {
  Receiver alertmanager;
  settings.alertmanager = alertmanager.url();
  ManualClock clock;  // 2019-12-20T00:00:00Z
  AlertDispatcher fixed(loop.context, clock, settings, {}, timing);
  fixed.fire(emergency(), clock.wall_now());
  ASSERT_TRUE(alertmanager.wait_for_calls(1));
  const json::value body = alertmanager.calls()[0].json();
  EXPECT_EQ(body.at(0).at("startsAt"), "2019-12-20T00:00:00.000Z");
  EXPECT_EQ(body.at(0).at("endsAt"), "2019-12-20T00:04:00.000Z");
  fixed.resolve(emergency(), clock.wall_now());
  ASSERT_TRUE(alertmanager.wait_for_calls(2));
  EXPECT_EQ(alertmanager.calls()[1].json().at(0).at("endsAt"), "2019-12-20T00:00:00.000Z");
}

TEST_F(Dispatch, RepeatsWhileFiringAndAfterResolving) {
  Receiver alertmanager;
  settings.alertmanager = alertmanager.url();
  timing.resend = milliseconds(20);
  start().fire(emergency(), now());
  ASSERT_TRUE(alertmanager.wait_for_calls(4));
  const auto first = alertmanager.calls();
  for (const Received& call : first) {
    EXPECT_EQ(call.json().at(0).at("labels"), first[0].json().at(0).at("labels"));
    EXPECT_EQ(call.json().at(0).at("startsAt"), first[0].json().at(0).at("startsAt"));
  }
  EXPECT_GT(first[3].json().at(0).at("endsAt").as_string(),
            first[0].json().at(0).at("endsAt").as_string());
  dispatcher->resolve(emergency(), now());
  ASSERT_TRUE(alertmanager.wait([](const std::vector<Received>& calls) {
    std::map<std::string, int> ends;  // resolved repeats carry one and the same end
    for (const Received& call : calls) ++ends[call.body];
    for (const auto& [body, count] : ends) {
      if (count >= 3) return true;
    }
    return false;
  }));
}

TEST_F(Dispatch, WebhooksGetFiringRepeatAndResolved) {
  Receiver webhook;
  settings.webhooks = {webhook.url("/alerts")};
  timing.resend = milliseconds(20);
  start().fire(emergency(), now());
  ASSERT_TRUE(webhook.wait_for_calls(2));
  dispatcher->resolve(emergency(), now());
  ASSERT_TRUE(webhook.wait([](const std::vector<Received>& calls) {
    return calls.back().json().at("status") == "resolved";
  }));
  const auto calls = webhook.calls();
  const json::value first = calls[0].json();
  EXPECT_EQ(first.at("status"), "firing");
  EXPECT_EQ(first.at("repeat"), false);
  EXPECT_EQ(first.at("service"), "shop-agent");
  EXPECT_EQ(first.at("alert").at("name"), "HomeostatEmergency");
  EXPECT_EQ(first.at("alert").at("severity"), "critical");
  EXPECT_EQ(first.at("alert").at("labels").at("team"), "shop");
  EXPECT_TRUE(first.at("alert").at("ends_at").is_null());
  EXPECT_EQ(calls[1].json().at("repeat"), true);
  const json::value last = calls.back().json();
  EXPECT_EQ(last.at("repeat"), false);
  EXPECT_TRUE(last.at("alert").at("ends_at").is_string());
  EXPECT_EQ(last.at("alert").at("fingerprint"), first.at("alert").at("fingerprint"));
}

TEST_F(Dispatch, RetriesUntilTheTargetRecovers) {
  Receiver flaky([](std::size_t n, const Received&) { return n < 4 ? 503U : 200U; });
  settings.alertmanager = flaky.url();
  start().fire(emergency(), now());
  ASSERT_TRUE(flaky.wait_for_calls(5));
  ASSERT_TRUE(eventually([&] { return dispatcher->figures().sent == 1; }));
  const AlertFigures figures = dispatcher->figures();
  EXPECT_EQ(figures.failed, 4U);
  EXPECT_EQ(figures.queue_length, 0U);
  EXPECT_EQ(dispatcher->targets().at(0).last_error, "");
  EXPECT_EQ(dispatcher->targets().at(0).kind, "alertmanager");
}

TEST_F(Dispatch, AFailedTargetIsLeftAloneUntilItsBackOffIsOver) {
  Receiver failing([](std::size_t, const Received&) { return 503U; });
  Receiver healthy;
  settings.webhooks = {failing.url("/first"), healthy.url()};
  timing.backoff_min = timing.backoff_max = milliseconds(60'000);
  start().fire(emergency(), now());
  ASSERT_TRUE(failing.wait_for_calls(1));
  Alert other = emergency();
  other.scope = "disk";
  dispatcher->fire(other, now());
  ASSERT_TRUE(healthy.wait_for_calls(2));
  EXPECT_EQ(failing.calls().size(), 1U);
}

TEST_F(Dispatch, KeepsTheOrderOfStatesThroughFailures) {
  Receiver flaky([](std::size_t n, const Received&) { return n < 3 ? 500U : 200U; });
  settings.webhooks = {flaky.url()};
  start().fire(emergency(), now());
  ASSERT_TRUE(flaky.wait_for_calls(1));
  dispatcher->resolve(emergency(), now());
  ASSERT_TRUE(flaky.wait_for_calls(5));
  const auto calls = flaky.calls();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(calls[i].json().at("status"), "firing");
  EXPECT_EQ(calls[4].json().at("status"), "resolved");
}

TEST_F(Dispatch, OneDeadTargetDoesNotDelayAnother) {
  Receiver silent([](std::size_t, const Received&) { return Receiver::never; });
  Receiver alive;
  settings.alertmanager = silent.url();
  settings.webhooks = {alive.url()};
  settings.timeout = milliseconds(60'000);
  start().fire(emergency(), now());
  ASSERT_TRUE(silent.wait_for_calls(1));
  dispatcher->resolve(emergency(), now());
  EXPECT_TRUE(alive.wait_for_calls(2));
  EXPECT_EQ(dispatcher->targets().at(0).figures.queue_length, 2U);
}

TEST_F(Dispatch, TimesOutAndTriesAgain) {
  Receiver slow([](std::size_t n, const Received&) { return n == 0 ? Receiver::never : 200U; });
  settings.alertmanager = slow.url();
  settings.timeout = milliseconds(50);
  start().fire(emergency(), now());
  EXPECT_TRUE(slow.wait_for_calls(2));
}

TEST_F(Dispatch, APoisonedMessageDoesNotBlockTheOthers) {
  Receiver picky([](std::size_t n, const Received& call) {
    if (n == 0) return 503U;  // so that the alerts gather in one batch
    return call.body.find("Poison") == std::string::npos ? 200U : 400U;
  });
  settings.alertmanager = picky.url();
  timing.backoff_min = milliseconds(100);
  timing.backoff_max = milliseconds(200);
  AlertDispatcher& dispatcher_ref = start();
  for (const char* name : {"First", "Poison", "Last"}) {
    Alert alert = emergency();
    alert.name = name;
    dispatcher_ref.fire(alert, now());
  }
  ASSERT_TRUE(eventually([&] { return dispatcher_ref.figures().sent == 2; }));
  EXPECT_EQ(dispatcher_ref.figures().dropped, 1U);
  EXPECT_EQ(dispatcher_ref.figures().queue_length, 0U);
}

TEST_F(Dispatch, AfterOneRefusedBatchAlertsGatherAgain) {
  std::atomic<bool> down{true};
  std::atomic<int> refused{0};
  std::atomic<std::size_t> largest{0};
  Receiver strict([&](std::size_t, const Received& call) {
    const auto alerts = boost::json::parse(call.body).as_array().size();
    if (down) return 503U;
    if (alerts > 1 && refused++ == 0) return 400U;  // together, though nothing is wrong with any
    largest = std::max(largest.load(), alerts);
    return 200U;
  });
  settings.alertmanager = strict.url();
  timing.backoff_min = milliseconds(20);
  timing.backoff_max = milliseconds(40);
  AlertDispatcher& dispatcher_ref = start();
  const auto fire = [&](const std::string& name) {
    Alert alert = emergency();
    alert.name = name;
    dispatcher_ref.fire(alert, now());
  };
  const auto two_come_together = [&](const std::string& prefix) {
    const std::size_t before = dispatcher_ref.figures().sent;
    down = true;
    fire(prefix + "First");
    fire(prefix + "Second");
    // One delivery may have been under way without the second; the next has both.
    const std::size_t failed = dispatcher_ref.figures().failed;
    EXPECT_TRUE(eventually([&] { return dispatcher_ref.figures().failed >= failed + 2; }));
    down = false;
    EXPECT_TRUE(eventually([&] { return dispatcher_ref.figures().sent == before + 2; }));
  };
  two_come_together("Refused");
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(largest, 1U) << "each by itself";
  two_come_together("Taken");
  EXPECT_EQ(largest, 2U);
}

TEST_F(Dispatch, InjectedAlertsAreMarked) {
  Receiver alertmanager;
  settings.alertmanager = alertmanager.url();
  Alert alert = emergency();
  alert.injected = true;
  start().fire(alert, now());
  ASSERT_TRUE(alertmanager.wait_for_calls(1));
  EXPECT_EQ(alertmanager.calls()[0].json().at(0).at("labels").at("injected"), "true");
}

TEST_F(Dispatch, WorksWithoutAnyTarget) {
  AlertDispatcher& alone = start();
  alone.fire(emergency(), now());
  EXPECT_EQ(alone.firing(), 1U);
  alone.resolve(emergency(), now());
  EXPECT_EQ(alone.firing(), 0U);
  EXPECT_TRUE(alone.targets().empty());
}

TEST_F(Dispatch, ManyThreadsMayFireWhileTheTargetIsDead) {
  Receiver dead([](std::size_t, const Received&) { return 503U; });
  settings.alertmanager = dead.url();
  settings.queue_max = 4;
  timing.resend = milliseconds(5);
  AlertDispatcher& shared = start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared, t] {
      for (int i = 0; i < 200; ++i) {
        Alert alert = emergency();
        alert.scope = std::to_string(t) + "/" + std::to_string(i % 5);
        shared.fire(alert, now());
        if (i % 3 == 0) shared.resolve(alert, now());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(shared.firing(), 20U);
  EXPECT_LE(shared.figures().queue_length, 40U) << "two changes per alert at most";
}

TEST_F(Dispatch, StopAndDestructionLeaveNothingRunning) {
  Receiver silent([](std::size_t, const Received&) { return Receiver::never; });
  settings.alertmanager = silent.url();
  start().fire(emergency(), now());
  ASSERT_TRUE(silent.wait_for_calls(1));
  dispatcher->stop();
  dispatcher->fire(emergency(), now());
  dispatcher.reset();  // a call is still in flight
}

TEST(AlertValidation, NamesEveryKeyThatIsWrong) {
  config::AlertSettings settings;
  EXPECT_TRUE(validate(settings).empty());
  settings.alertmanager = "http://am.example:9093";
  settings.webhooks = {"http://hook.example"};
  EXPECT_TRUE(validate(settings).empty());
  settings.alertmanager = "http://am.example:9093/?x=1";
  settings.webhooks = {"http://hook.example", "hook", "https://hook.example"};
  const auto problems = validate(settings);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0],
            (SettingProblem{"alerts.alertmanager", "expected a base URL without a query"}));
  EXPECT_EQ(problems[1].key, "alerts.webhooks[1]");
  EXPECT_EQ(problems[2].key, "alerts.webhooks[2]");
  EXPECT_TRUE(problems[2].message.starts_with("https://")) << problems[2].message;
}

}  // namespace
}  // namespace homeostat::alert::test
