#include "runtime/sense/system_sensor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "fixture_tree.hpp"

namespace homeostat::sense {
namespace {

using rules::Quality;
using rules::Reading;
using rules::SignalId;
using std::chrono::seconds;

constexpr SignalId sensed[] = {SignalId::cpu_utilization,      SignalId::cpu_pressure,
                               SignalId::cpu_throttled,        SignalId::memory_utilization,
                               SignalId::memory_working_set,   SignalId::memory_pressure,
                               SignalId::memory_full_pressure, SignalId::network_sent,
                               SignalId::network_received,     SignalId::agent_memory};

class SystemSensorTest : public ::testing::Test {
 protected:
  FixtureTree tree_;
  config::MonitorSettings settings_;
  rules::SignalValues values_{};
  std::vector<std::string> events_;
  Instant now_{std::chrono::hours(1)};
  std::unique_ptr<SystemSensor> sensor_;

  void SetUp() override {
    settings_.root = tree_.root();
    settings_.disks = {"/"};
  }
  void sample() {
    if (!sensor_) {
      sensor_ = std::make_unique<SystemSensor>(
          settings_, [this](const std::string& line) { events_.push_back(line); });
    }
    sensor_->sample(now_, values_);
    now_ += seconds(1);
  }
  const Reading& at(SignalId id) const { return values_[static_cast<std::size_t>(id)]; }
  void expect_good(SignalId id, double value, const char* source) const {
    EXPECT_EQ(at(id).quality, Quality::good) << rules::signal_info(id).name;
    EXPECT_NEAR(at(id).value, value, 1e-6) << rules::signal_info(id).name;
    EXPECT_STREQ(at(id).source, source) << rules::signal_info(id).name;
    EXPECT_EQ(at(id).at, now_ - seconds(1)) << rules::signal_info(id).name;
  }
};

TEST_F(SystemSensorTest, ReportsEverythingMissingOnAnEmptyMachine) {
  settings_.disks = {"/absent"};
  for (int i = 0; i < 3; ++i) {
    sample();
    for (const SignalId id : sensed) {
      ASSERT_EQ(at(id).quality, Quality::missing) << rules::signal_info(id).name;
      ASSERT_FALSE(at(id).usable());
    }
    ASSERT_EQ(at(SignalId::disk_utilization).quality, Quality::missing);
  }
  EXPECT_EQ(events_.size(), 3U) << "each group once, not at every tick";
}

TEST_F(SystemSensorTest, MeasuresTheHostWithoutCgroups) {
  tree_.add_host();
  sample();
  for (const SignalId id :
       {SignalId::cpu_utilization, SignalId::cpu_pressure, SignalId::network_sent}) {
    EXPECT_EQ(at(id).quality, Quality::missing) << "a rate needs two calls";
  }
  expect_good(SignalId::memory_utilization, 0.25, "host");
  expect_good(SignalId::memory_working_set, 4.0 * (1ULL << 30), "host");
  tree_.write_stat(30, 70);
  tree_.write_pressure("/proc/pressure/cpu", 200000, 0);
  tree_.write_pressure("/proc/pressure/memory", 100000, 50000);
  sample();
  expect_good(SignalId::cpu_utilization, 0.3, "host");
  expect_good(SignalId::cpu_pressure, 0.2, "host");
  expect_good(SignalId::memory_pressure, 0.1, "host");
  expect_good(SignalId::memory_full_pressure, 0.05, "host");
  expect_good(SignalId::network_received, 0, "net-dev");
  EXPECT_EQ(at(SignalId::cpu_throttled).quality, Quality::missing);
  EXPECT_EQ(at(SignalId::agent_memory).quality, Quality::good);
  EXPECT_EQ(at(SignalId::disk_utilization).quality, Quality::good);
  EXPECT_EQ(*sensor_->details().cpu_cores, 8);
}

TEST_F(SystemSensorTest, ASecondWithAShortStallOfAllMemoryIsNoPressureToShedFor) {
  tree_.add_host();
  sample();
  tree_.write_pressure("/proc/pressure/memory", 60000, 60000, "0.55");
  sample();
  expect_good(SignalId::memory_pressure, 0.06, "host");
  expect_good(SignalId::memory_full_pressure, 0.0055, "host");
  tree_.write_pressure("/proc/pressure/memory", 360000, 360000, "7.25");
  sample();
  expect_good(SignalId::memory_full_pressure, 0.0725, "host");
}

TEST_F(SystemSensorTest, PrefersTheOwnCgroupWhereItIsLimited) {
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree_.add_host();
  tree_.add_v2();
  tree_.write_cpu_v2(leaf, 0, 0, 0);
  tree_.write_memory_v2(leaf, 600, 200, 100);
  tree_.write(leaf + "/cpu.max", "50000 100000\n");
  tree_.write(leaf + "/memory.max", "1000\n");
  tree_.write_pressure(leaf + "/cpu.pressure", 0, 0);
  sample();
  tree_.write_cpu_v2(leaf, 250000, 10, 4);
  tree_.write_pressure(leaf + "/cpu.pressure", 500000, 0);
  sample();
  expect_good(SignalId::cpu_utilization, 0.5, "cgroup2");
  expect_good(SignalId::cpu_throttled, 0.4, "cgroup2");
  expect_good(SignalId::cpu_pressure, 0.5, "cgroup2");
  expect_good(SignalId::memory_utilization, 0.5, "cgroup2");
  expect_good(SignalId::memory_pressure, 0, "host");
  EXPECT_EQ(*sensor_->details().memory_limit, 1000U);
}

TEST_F(SystemSensorTest, UsesTheHostWhenTheOwnCgroupIsNotLimited) {
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree_.add_host();
  tree_.add_v2();
  tree_.write_cpu_v2(leaf, 0);
  tree_.write_memory_v2(leaf, 600, 200, 100);
  tree_.write(leaf + "/cpu.max", "max 100000\n");
  sample();
  tree_.write_stat(90, 10);
  sample();
  expect_good(SignalId::cpu_utilization, 0.9, "host");
  expect_good(SignalId::memory_utilization, 0.25, "host");
}

TEST_F(SystemSensorTest, PrefersTheApplicationsCgroup) {
  const std::string own = "/sys/fs/cgroup/pod/agent", app = "/sys/fs/cgroup/pod/app";
  tree_.add_host();
  tree_.add_v2();
  for (const std::string& each : {own, app}) {
    tree_.write_cpu_v2(each, 0);
    tree_.write_memory_v2(each, 600, 200, 100);
    tree_.write(each + "/cpu.max", "100000 100000\n");
    tree_.write(each + "/memory.max", each == app ? "2000\n" : "1000\n");
    tree_.write(each + "/cgroup.controllers", "cpu memory\n");
  }
  settings_.app_cgroup = "pod/app";
  sample();
  tree_.write_cpu_v2(app, 700000);
  tree_.write_cpu_v2(own, 100000);
  sample();
  expect_good(SignalId::cpu_utilization, 0.7, "app-cgroup2");
  expect_good(SignalId::memory_utilization, 0.25, "app-cgroup2");
}

TEST_F(SystemSensorTest, FollowsThePidFileAndFallsBackWithOneLineEach) {
  const auto process = [this](unsigned long ticks) {
    tree_.write("/proc/42/stat", "42 (app) S 1 1 1 0 -1 0 0 0 0 0 " + std::to_string(ticks) +
                                     " 0 0 0 20 0 1 0 7 100000 10 0 0\n");
  };
  tree_.add_host();
  process(0);
  tree_.write("/run/app.pid", "42\n");
  settings_.app_pid_file = tree_.path("/run/app.pid");
  sample();
  process(static_cast<unsigned long>(sysconf(_SC_CLK_TCK)) * 2);
  tree_.write_stat(10, 90);
  sample();
  expect_good(SignalId::cpu_utilization, 0.25, "app-process-tree");
  events_.clear();
  tree_.remove("/proc/42");
  tree_.write_stat(20, 180);
  sample();
  expect_good(SignalId::cpu_utilization, 0.1, "host");
  tree_.write_stat(30, 270);
  sample();
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0], "cpu is measured from host, before: app-process-tree");
}

TEST_F(SystemSensorTest, TakesTheLimitedCgroupOfThePidFilesProcess) {
  const std::string app = "/sys/fs/cgroup/pod/app";
  tree_.add_host();
  tree_.add_v2();
  tree_.write_cpu_v2(app, 0);
  tree_.write(app + "/cpu.max", "200000 100000\n");
  tree_.write("/proc/42/cgroup", "0::/pod/app\n");
  tree_.write("/run/app.pid", "42\n");
  settings_.app_pid_file = tree_.path("/run/app.pid");
  sample();
  tree_.write_cpu_v2(app, 1000000);
  sample();
  expect_good(SignalId::cpu_utilization, 0.5, "app-cgroup2");
}

TEST_F(SystemSensorTest, ReadsAChangedQuotaWithinFiveSeconds) {
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree_.add_host();
  tree_.add_v2();
  tree_.write(leaf + "/cpu.max", "100000 100000\n");
  unsigned long usage = 0;
  const auto run = [&](int ticks) {
    for (int i = 0; i < ticks; ++i) {
      tree_.write_cpu_v2(leaf, usage += 500000);
      sample();
    }
  };
  run(4);
  expect_good(SignalId::cpu_utilization, 0.5, "cgroup2");
  tree_.write(leaf + "/cpu.max", "200000 100000\n");
  run(7);
  expect_good(SignalId::cpu_utilization, 0.25, "cgroup2");
}

TEST_F(SystemSensorTest, WorksWithVersionOne) {
  tree_.add_host();
  tree_.add_v1();
  const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct/docker/abc",
                    memory = "/sys/fs/cgroup/memory/docker/abc";
  tree_.write(cpu + "/cpu.cfs_quota_us", "400000\n");
  tree_.write(cpu + "/cpu.cfs_period_us", "100000\n");
  tree_.write(cpu + "/cpuacct.usage", "0\n");
  tree_.write(memory + "/memory.usage_in_bytes", "900\n");
  tree_.write(memory + "/memory.stat", "total_rss 300\ntotal_inactive_file 100\n");
  tree_.write(memory + "/memory.limit_in_bytes", "1000\n");
  sample();
  tree_.write(cpu + "/cpuacct.usage", "3000000000\n");
  sample();
  expect_good(SignalId::cpu_utilization, 0.75, "cgroup1");
  expect_good(SignalId::memory_utilization, 0.8, "cgroup1");
}

TEST_F(SystemSensorTest, LosesASourceAsMissingAndRecovers) {
  tree_.add_host();
  sample();
  tree_.write_stat(50, 50);
  sample();
  expect_good(SignalId::cpu_utilization, 0.5, "host");
  tree_.remove("/proc/stat");
  tree_.remove("/proc/meminfo");
  sample();
  EXPECT_EQ(at(SignalId::cpu_utilization).quality, Quality::missing);
  EXPECT_EQ(at(SignalId::memory_utilization).quality, Quality::missing);
  EXPECT_STREQ(sensor_->details().cpu_source, "none");
  tree_.add_host();
  sample();
  EXPECT_EQ(at(SignalId::cpu_utilization).quality, Quality::missing);
  expect_good(SignalId::memory_utilization, 0.25, "host");
  tree_.write_stat(80, 20);
  sample();
  expect_good(SignalId::cpu_utilization, 0.8, "host");
}

TEST_F(SystemSensorTest, CutsASingleSpike) {
  tree_.add_host();
  unsigned long busy = 0, idle = 0;
  const auto tick = [&](unsigned long share) {
    tree_.write_stat(busy += share, idle += 100 - share);
    sample();
  };
  for (int i = 0; i < 4; ++i) tick(20);
  tick(100);
  expect_good(SignalId::cpu_utilization, 0.2, "host");
  tick(100);
  expect_good(SignalId::cpu_utilization, 1.0, "host");
}

TEST_F(SystemSensorTest, MeasuresThisMachine) {
  settings_.root = "/";
  sample();
  EXPECT_EQ(at(SignalId::memory_utilization).quality, Quality::good);
  EXPECT_GT(at(SignalId::memory_utilization).value, 0);
  EXPECT_GT(at(SignalId::agent_memory).value, 1e6);
  EXPECT_EQ(at(SignalId::disk_utilization).quality, Quality::good);
  EXPECT_STRNE(at(SignalId::memory_utilization).source, "none");
}

}  // namespace
}  // namespace homeostat::sense
