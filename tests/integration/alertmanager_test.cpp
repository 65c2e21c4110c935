// The dispatcher against a real Alertmanager.
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/alert/http_client.hpp"
#include "tests/support/child_process.hpp"

namespace homeostat {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr auto patience = 30s;

class Alertmanager : public ::testing::Test {
 protected:
  Alertmanager() {
    const auto line = process_.wait_for_line("msg=\"Listening on\"");
    if (!line) throw std::runtime_error("Alertmanager did not start:\n" + process_.output());
    url_ = "http://" + line->substr(line->find("address=") + 8);
  }
  ~Alertmanager() override {
    guard_.reset();
    context_.stop();
    runner_.join();
  }

  /// What GET /api/v2/alerts lists for this alert name.
  json::array listed(const std::string& name) {
    const auto done = std::make_shared<std::promise<alert::HttpResult>>();
    auto answer = done->get_future();
    alert::HttpCall call;
    call.method = "GET";
    call.url = std::get<alert::HttpUrl>(alert::parse_http_url(url_ + "/api/v2/alerts"));
    alert::http_send(context_, std::move(call),
                     [done](alert::HttpResult result) { done->set_value(std::move(result)); });
    const alert::HttpResult result = answer.get();
    EXPECT_EQ(result.status, 200U) << result.describe();
    json::array out;
    if (!result.success()) return out;
    const json::value body = json::parse(result.body);
    for (const json::value& item : body.as_array()) {
      if (item.at("labels").at("alertname").as_string() == name) out.push_back(item);
    }
    return out;
  }

  /// Asks every 50 ms until `condition` holds for the listed alerts.
  template <class Condition>
  bool eventually(const std::string& name, Condition condition) {
    const Instant deadline = SystemClock::instance().now() + patience;
    for (;;) {
      if (condition(listed(name))) return true;
      if (SystemClock::instance().now() > deadline) return false;
      const auto pause = std::make_shared<std::promise<void>>();
      asio::steady_timer timer(context_, 50ms);
      timer.async_wait([pause](boost::system::error_code) { pause->set_value(); });
      pause->get_future().wait();
    }
  }

  config::AlertSettings settings() const {
    config::AlertSettings out;
    out.alertmanager = url_;
    out.labels = {{"team", "shop"}};
    return out;
  }

  test::TemporaryDirectory directory_;
  test::ChildProcess process_{
      {"prometheus-alertmanager",
       "--config.file=" + directory_.write("alertmanager.yml",
                                           "route: {receiver: none}\nreceivers: [{name: none}]\n"),
       "--storage.path=" + directory_.path() + "/data", "--web.listen-address=127.0.0.1:0",
       "--cluster.listen-address="}};
  std::string url_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  std::thread runner_{[this] { context_.run(); }};
};

TEST_F(Alertmanager, ShowsAnEmergencyAndItsResolution) {
  const Clock& clock = SystemClock::instance();
  alert::AlertDispatcher dispatcher(context_, clock, settings(),
                                    {"shop-agent", "host:8080", "http://127.0.0.1:9180/"});
  const Alert emergency{"HomeostatEmergency",    rules::Severity::critical,  "memory",
                        "memory is nearly full", "memory.utilization = 98%", false};
  dispatcher.fire(emergency, clock.wall_now());
  json::array shown;
  ASSERT_TRUE(eventually("HomeostatEmergency", [&shown](const json::array& alerts) {
    shown = alerts;
    return alerts.size() == 1;
  })) << process_.output();
  const json::value& alert = shown[0];
  EXPECT_EQ(alert.at("labels").at("severity"), "critical");
  EXPECT_EQ(alert.at("labels").at("instance"), "host:8080");
  EXPECT_EQ(alert.at("labels").at("scope"), "memory");
  EXPECT_EQ(alert.at("labels").at("team"), "shop");
  EXPECT_EQ(alert.at("annotations").at("summary"), "memory is nearly full");
  EXPECT_EQ(alert.at("status").at("state"), "active");
  dispatcher.resolve(emergency, clock.wall_now());
  EXPECT_TRUE(eventually("HomeostatEmergency", [](const json::array& alerts) {
    return alerts.empty();
  })) << process_.output();
  EXPECT_EQ(dispatcher.figures().failed, 0U);
}

TEST_F(Alertmanager, RepeatsAreOneAlertAndASilentAgentsAlertEnds) {
  const Clock& clock = SystemClock::instance();
  alert::AlertTiming timing;
  timing.resend = 250ms;
  {
    alert::AlertDispatcher dispatcher(context_, clock, settings(), {"shop-agent", "host:8080", ""},
                                      timing);
    dispatcher.fire({"HomeostatThreshold", rules::Severity::warning, "GET /a", "slow", "", false},
                    clock.wall_now());
    std::string first_end;
    ASSERT_TRUE(eventually("HomeostatThreshold", [&](const json::array& alerts) {
      if (alerts.size() != 1) return false;
      const std::string end(alerts[0].at("endsAt").as_string());
      if (first_end.empty()) first_end = end;
      return end > first_end;  // a repeat moved the end of the same alert
    })) << process_.output();
  }
  // The dispatcher is gone without resolving: four resend periods later
  // Alertmanager has to resolve by itself.
  EXPECT_TRUE(eventually("HomeostatThreshold", [](const json::array& alerts) {
    return alerts.empty();
  })) << process_.output();
}

}  // namespace
}  // namespace homeostat
