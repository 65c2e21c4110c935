#include "runtime/sense/cpu.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "fixture_tree.hpp"

namespace homeostat::sense {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant start{std::chrono::hours(1)};

TEST(CpuLimit, IsTheTightestOfQuotaCpusetAndAncestors) {
  FixtureTree tree;
  tree.add_v2();
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree.write_cpu_v2(leaf, 1);
  const auto limit = [&] { return *cpu_limit(resolve_cgroup(tree.root(), "self"), 8); };
  EXPECT_EQ(limit().cores, 8);
  EXPECT_FALSE(limit().limited);
  tree.write(leaf + "/cpu.max", "max 100000\n");
  EXPECT_FALSE(limit().limited);
  tree.write(leaf + "/cpu.max", "125000 100000\n");
  EXPECT_DOUBLE_EQ(limit().cores, 1.25);
  EXPECT_TRUE(limit().limited);
  tree.write("/sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(limit().cores, 0.5) << "an ancestor binds";
  tree.remove("/sys/fs/cgroup/pod/cpu.max");
  tree.write(leaf + "/cpu.max", "600000 100000\n");
  tree.write(leaf + "/cpuset.cpus.effective", "0-1,6\n");
  EXPECT_DOUBLE_EQ(limit().cores, 3);
  tree.write(leaf + "/cpu.max", "garbage\n");
  tree.write(leaf + "/cpuset.cpus.effective", "\n");
  EXPECT_DOUBLE_EQ(limit().cores, 8) << "what cannot be read does not bind";
}

TEST(CpuLimit, ReadsVersionOne) {
  FixtureTree tree;
  tree.add_v1();
  const auto limit = [&] { return *cpu_limit(resolve_cgroup(tree.root(), "self"), 8); };
  const std::string leaf = "/sys/fs/cgroup/cpu,cpuacct/docker/abc";
  tree.write(leaf + "/cpu.cfs_quota_us", "-1\n");
  tree.write(leaf + "/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(limit().limited);
  tree.write(leaf + "/cpu.cfs_quota_us", "250000\n");
  EXPECT_DOUBLE_EQ(limit().cores, 2.5);
  tree.write("/sys/fs/cgroup/cpuset/docker/abc/cpuset.cpus", "3,5\n");
  EXPECT_DOUBLE_EQ(limit().cores, 2);
  tree.write(leaf + "/cpu.cfs_period_us", "0\n");
  EXPECT_DOUBLE_EQ(limit().cores, 2) << "no division by zero";
}

TEST(CpuLimit, CountsOnlineCpus) {
  FixtureTree tree;
  EXPECT_EQ(online_cpus(tree.root()), std::nullopt);
  tree.write_stat(1, 1);
  EXPECT_EQ(online_cpus(tree.root()), 2);
  tree.write("/sys/devices/system/cpu/online", "0-3,6\n");
  EXPECT_EQ(online_cpus(tree.root()), 5);
}

TEST(CgroupCpu, MeasuresCoresAndThrottlingBetweenSamples) {
  FixtureTree tree;
  tree.add_v2();
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree.write_cpu_v2(leaf, 1000000, 100, 10);
  CgroupCpu cpu(resolve_cgroup(tree.root(), "self"));
  const auto first = cpu.sample(start);
  EXPECT_TRUE(first.readable);
  EXPECT_EQ(first.cores, std::nullopt);
  EXPECT_EQ(first.throttled, std::nullopt);
  tree.write_cpu_v2(leaf, 2500000, 120, 15);
  const auto second = cpu.sample(start + seconds(1));
  EXPECT_NEAR(*second.cores, 1.5, 1e-9);
  EXPECT_NEAR(*second.throttled, 0.25, 1e-9);
  tree.write_cpu_v2(leaf, 9000000, 121, 15);
  EXPECT_EQ(*cpu.sample(start + seconds(1) + milliseconds(1)).cores, 1.5) << "too close to tell";
}

TEST(CgroupCpu, NeverAnswersZeroOnError) {
  FixtureTree tree;
  tree.add_v2();
  const std::string leaf = "/sys/fs/cgroup/pod/agent";
  tree.write_cpu_v2(leaf, 5000000);
  CgroupCpu cpu(resolve_cgroup(tree.root(), "self"));
  (void)cpu.sample(start);
  tree.write(leaf + "/cpu.stat", "usage_usec lots\n");
  EXPECT_FALSE(cpu.sample(start + seconds(1)).readable);
  tree.write_cpu_v2(leaf, 6000000);
  EXPECT_EQ(cpu.sample(start + seconds(2)).cores, std::nullopt) << "a rate needs two good samples";
  tree.write_cpu_v2(leaf, 7000000);
  EXPECT_NEAR(*cpu.sample(start + seconds(3)).cores, 1.0, 1e-9);
  tree.write_cpu_v2(leaf, 10);  // the counter went backwards
  EXPECT_EQ(cpu.sample(start + seconds(4)).cores, std::nullopt);
  tree.remove("/sys");
  const auto gone = cpu.sample(start + seconds(5));
  EXPECT_FALSE(gone.readable);
  EXPECT_EQ(gone.cores, std::nullopt);
}

TEST(CgroupCpu, ReadsVersionOne) {
  FixtureTree tree;
  tree.add_v1();
  const std::string leaf = "/sys/fs/cgroup/cpu,cpuacct/docker/abc";
  tree.write(leaf + "/cpuacct.usage", "1000000000\n");
  tree.write(leaf + "/cpu.stat", "nr_periods 10\nnr_throttled 1\nthrottled_time 5\n");
  CgroupCpu cpu(resolve_cgroup(tree.root(), "self"));
  (void)cpu.sample(start);
  tree.write(leaf + "/cpuacct.usage", "5000000000\n");
  tree.write(leaf + "/cpu.stat", "nr_periods 20\nnr_throttled 11\nthrottled_time 5\n");
  const auto sample = cpu.sample(start + seconds(2));
  EXPECT_NEAR(*sample.cores, 2.0, 1e-9);
  EXPECT_NEAR(*sample.throttled, 1.0, 1e-9);
}

TEST(HostCpu, CountsEveryFieldAndTakesStealForNeitherUseNorCapacity) {
  FixtureTree tree;
  //                          user nice sys idle iowait irq softirq steal guest guest_nice
  tree.write("/proc/stat", "cpu  100 100 100 100 100 100 100 100 50 50\n");
  HostCpu cpu(tree.root());
  EXPECT_EQ(cpu.sample(start).utilization, std::nullopt);
  tree.write("/proc/stat", "cpu  110 110 110 120 110 110 110 120 60 60\n");
  const auto sample = cpu.sample(start + seconds(1));
  EXPECT_NEAR(*sample.utilization, 50.0 / 80.0, 1e-9);
  EXPECT_NEAR(*sample.steal, 0.2, 1e-9);
  EXPECT_NEAR(*sample.iowait, 0.1, 1e-9);
}

TEST(HostCpu, NeverAnswersZeroOnError) {
  FixtureTree tree;
  HostCpu cpu(tree.root());
  EXPECT_FALSE(cpu.sample(start).readable);
  tree.write_stat(100, 100);
  EXPECT_EQ(cpu.sample(start + seconds(1)).utilization, std::nullopt);
  EXPECT_EQ(cpu.sample(start + seconds(2)).utilization, std::nullopt)
      << "no time passed in the counters";
  tree.write("/proc/stat", "cpu  1 2 three 4 5\n");
  EXPECT_FALSE(cpu.sample(start + seconds(3)).readable);
  tree.write("/proc/stat", "intr 5\n");
  EXPECT_FALSE(cpu.sample(start + seconds(4)).readable);
  tree.write_stat(10, 10);
  EXPECT_EQ(cpu.sample(start + seconds(5)).utilization, std::nullopt);
}

void write_process(FixtureTree& tree, int pid, unsigned long user, unsigned long system,
                   unsigned long begun, const std::string& children = "") {
  const std::string base = "/proc/" + std::to_string(pid);
  tree.write(base + "/stat", std::to_string(pid) + " (a) b (x) S 1 1 1 0 -1 0 0 0 0 0 " +
                                 std::to_string(user) + " " + std::to_string(system) +
                                 " 0 0 20 0 1 0 " + std::to_string(begun) + " 100000 10 0 0\n");
  tree.write(base + "/task/" + std::to_string(pid) + "/children", children);
}

TEST(ProcessTreeCpu, SumsTheApplicationsDescendants) {
  FixtureTree tree;
  const auto hertz = static_cast<unsigned long>(sysconf(_SC_CLK_TCK));
  write_process(tree, 10, 0, 0, 1, "11 12 ");
  write_process(tree, 11, 0, 0, 2, "13");
  write_process(tree, 12, 0, 0, 3);
  write_process(tree, 13, 0, 0, 4);
  write_process(tree, 99, 0, 0, 5);
  ProcessTreeCpu cpu(tree.root());
  const auto first = cpu.sample(10, start);
  EXPECT_TRUE(first.readable);
  EXPECT_EQ(first.processes, 4U);
  EXPECT_EQ(first.resident_bytes, 40U * static_cast<unsigned long>(sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(first.cores, std::nullopt);
  write_process(tree, 11, hertz, 0, 2, "13");
  write_process(tree, 13, 0, hertz / 2, 4);
  write_process(tree, 99, 50 * hertz, 0, 5);
  EXPECT_NEAR(*cpu.sample(10, start + seconds(1)).cores, 1.5, 1e-9);
}

TEST(ProcessTreeCpu, IsNotFooledByReusedPidsAndExits) {
  FixtureTree tree;
  const auto hertz = static_cast<unsigned long>(sysconf(_SC_CLK_TCK));
  write_process(tree, 10, 0, 0, 1, "11 12");
  write_process(tree, 11, 7 * hertz, 0, 2);
  write_process(tree, 12, 7 * hertz, 0, 3);
  ProcessTreeCpu cpu(tree.root());
  (void)cpu.sample(10, start);
  write_process(tree, 11, 9 * hertz, 0, 500);  // another process now
  tree.remove("/proc/12");
  const auto sample = cpu.sample(10, start + seconds(1));
  EXPECT_NEAR(*sample.cores, 0.0, 1e-9);
  EXPECT_EQ(sample.processes, 2U);
}

TEST(ProcessTreeCpu, IsUnreadableWithoutItsRootProcess) {
  FixtureTree tree;
  write_process(tree, 10, 0, 0, 1);
  ProcessTreeCpu cpu(tree.root());
  EXPECT_FALSE(cpu.sample(77, start).readable);
  EXPECT_TRUE(cpu.sample(10, start + seconds(1)).readable);
  tree.remove("/proc/10");
  const auto gone = cpu.sample(10, start + seconds(2));
  EXPECT_FALSE(gone.readable);
  EXPECT_EQ(gone.cores, std::nullopt);
  write_process(tree, 10, 500, 0, 9);
  EXPECT_EQ(cpu.sample(10, start + seconds(3)).cores, std::nullopt);
}

TEST(MedianOfThree, DropsSingleSpikes) {
  MedianOfThree median;
  EXPECT_EQ(median.add(0.2), 0.2);
  EXPECT_EQ(median.add(0.9), 0.9);
  EXPECT_EQ(median.add(0.3), 0.3);
  EXPECT_EQ(median.add(0.3), 0.3);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(median.add(i % 4 == 0 ? 1.0 : 0.3), 0.3) << i;
  }
  EXPECT_EQ(median.add(0.8), 0.3);
  EXPECT_EQ(median.add(0.8), 0.8);
}

}  // namespace
}  // namespace homeostat::sense
