// The dispatcher against a real Alertmanager.
#include "tests/support/alertmanager.hpp"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "runtime/alert/alert_dispatcher.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono_literals::operator""ms;

class Alertmanager : public ::testing::Test {
 protected:
  ~Alertmanager() override {
    guard_.reset();
    context_.stop();
    runner_.join();
  }

  /// Asks until `condition` holds for the listed alerts; Alertmanager has timers of its own.
  template <class Condition>
  bool eventually(const std::string& name, Condition condition) {
    return test::eventually([&] { return condition(process_.listed(name)); },
                            std::chrono::seconds(60));
  }

  config::AlertSettings settings() const {
    config::AlertSettings out;
    out.alertmanager = process_.url();
    out.labels = {{"team", "shop"}};
    return out;
  }

  test::Alertmanager process_;
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
