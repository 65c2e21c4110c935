#include "runtime/sense/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "fixture_tree.hpp"
#include "runtime/sense/allocator.hpp"
#include "runtime/sense/disk_network.hpp"
#include "runtime/sense/pressure.hpp"

namespace homeostat::sense {
namespace {

using std::chrono::seconds;

const Instant start{std::chrono::hours(1)};
constexpr std::uint64_t machine = 16ULL << 30;
const std::string leaf = "/sys/fs/cgroup/pod/agent";

std::optional<std::uint64_t> working_set_of(const CgroupDirectory& memory) {
  const auto use = cgroup_memory_use(memory, {{memory.leaf, machine}});
  return use ? std::optional(use->working_set) : std::nullopt;
}

std::optional<std::uint64_t> tightest_limit(const CgroupDirectory& memory) {
  std::optional<std::uint64_t> tightest;
  for (const MemoryLimit& limit : cgroup_memory_limits(memory, machine)) {
    tightest = std::min(limit.bytes, tightest.value_or(machine));
  }
  return tightest;
}

TEST(Memory, WorkingSetLeavesOutDroppablePageCache) {
  FixtureTree tree;
  tree.add_v2();
  tree.write_memory_v2(leaf, 1000, 300, 600);
  const auto working_set = [&] {
    return working_set_of(resolve_cgroup(tree.root(), "self").memory);
  };
  EXPECT_EQ(working_set(), 400U);
  tree.write_memory_v2(leaf, 1000, 700, 600);
  EXPECT_EQ(working_set(), 700U) << "anonymous memory is the floor";
  tree.write_memory_v2(leaf, 1000, 100, 2000);
  EXPECT_EQ(working_set(), 100U) << "the two files are not read at one instant";
}

TEST(Memory, LimitIsTheTightestOfMaxHighAndAncestors) {
  FixtureTree tree;
  tree.add_v2();
  tree.write_memory_v2(leaf, 1, 1, 1);
  const auto limit = [&] { return tightest_limit(resolve_cgroup(tree.root(), "self").memory); };
  EXPECT_EQ(limit(), std::nullopt);
  tree.write(leaf + "/memory.max", "max\n");
  tree.write(leaf + "/memory.high", "max\n");
  EXPECT_EQ(limit(), std::nullopt);
  tree.write(leaf + "/memory.max", "5000000\n");
  EXPECT_EQ(limit(), 5000000U);
  tree.write(leaf + "/memory.high", "4000000\n");
  EXPECT_EQ(limit(), 4000000U);
  tree.write("/sys/fs/cgroup/pod/memory.max", "3000000\n");
  EXPECT_EQ(limit(), 3000000U);
}

TEST(Memory, AFullSliceIsSeenByAMemberThatUsesLittle) {
  FixtureTree tree;
  tree.add_v2();
  tree.write_memory_v2(leaf, 100, 100, 0);
  tree.write(leaf + "/memory.max", "1000\n");
  const auto use = [&] {
    const CgroupDirectory memory = resolve_cgroup(tree.root(), "self").memory;
    return cgroup_memory_use(memory, cgroup_memory_limits(memory, machine)).value();
  };
  EXPECT_EQ(use().working_set, 100U);
  EXPECT_EQ(use().limit, 1000U);
  // All in the slice together are near its limit.
  tree.write_memory_v2("/sys/fs/cgroup/pod", 1900, 1900, 0);
  tree.write("/sys/fs/cgroup/pod/memory.max", "2000\n");
  EXPECT_EQ(use().working_set, 1900U);
  EXPECT_EQ(use().limit, 2000U);
  tree.remove("/sys/fs/cgroup/pod/memory.current");
  EXPECT_EQ(use().working_set, 100U) << "unreadable above: the own use counts";
  EXPECT_EQ(use().limit, 1000U);
}

TEST(Memory, ReadsVersionOne) {
  FixtureTree tree;
  tree.add_v1();
  const std::string v1 = "/sys/fs/cgroup/memory/docker/abc";
  tree.write(v1 + "/memory.usage_in_bytes", "1000\n");
  tree.write(v1 + "/memory.stat",
             "rss 5\ninactive_file 7\ntotal_rss 300\ntotal_inactive_file 600\n");
  tree.write(v1 + "/memory.limit_in_bytes", "9223372036854771712\n");
  tree.write(v1 + "/memory.failcnt", "3\n");
  const CgroupDirectory memory = resolve_cgroup(tree.root(), "self").memory;
  EXPECT_EQ(working_set_of(memory), 400U);
  EXPECT_EQ(tightest_limit(memory), std::nullopt);
  tree.write("/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "2000\n");
  EXPECT_EQ(tightest_limit(memory), 2000U);
  EXPECT_EQ(memory_events(memory)->max, 3U);
}

TEST(Memory, NeverAnswersZeroOnError) {
  FixtureTree tree;
  tree.add_v2();
  tree.write_memory_v2(leaf, 1, 1, 1);
  const CgroupDirectory memory = resolve_cgroup(tree.root(), "self").memory;
  tree.write(leaf + "/memory.stat", "anon x\n");
  EXPECT_EQ(working_set_of(memory), std::nullopt);
  tree.remove(leaf + "/memory.current");
  EXPECT_EQ(working_set_of(memory), std::nullopt);
  EXPECT_FALSE(memory_events(memory).has_value());
  EXPECT_FALSE(host_memory(tree.root()).has_value());
  EXPECT_EQ(resident_bytes(tree.root(), "self"), std::nullopt);
  tree.write("/proc/meminfo", "MemTotal: 5 kB\n");
  EXPECT_FALSE(host_memory(tree.root()).has_value());
  tree.write("/proc/self/statm", "0 0 0\n");
  EXPECT_EQ(resident_bytes(tree.root(), "self"), std::nullopt);
}

TEST(Memory, ReadsEventsAndTheHost) {
  FixtureTree tree;
  tree.add_host();
  tree.add_v2();
  tree.write_memory_v2(leaf, 1, 1, 1);
  tree.write(leaf + "/memory.events", "low 0\nhigh 12\nmax 4\noom 1\noom_kill 1\n");
  const auto events = memory_events(resolve_cgroup(tree.root(), "self").memory);
  ASSERT_TRUE(events.has_value());
  EXPECT_EQ(events->high, 12U);
  EXPECT_EQ(events->oom, 1U);
  const auto host = host_memory(tree.root());
  ASSERT_TRUE(host.has_value());
  EXPECT_EQ(host->total, machine);
  EXPECT_EQ(host->available, 12ULL << 30);
  EXPECT_EQ(resident_bytes(tree.root(), "self"),
            2560U * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_allocator = false;  // sanitizers bring theirs, which keeps its pages
#else
constexpr bool own_allocator = true;
#endif

TEST(Memory, FreePagesAreGivenBack) {
  // Small blocks below a survivor, which free() alone cannot return.
  std::vector<std::vector<char>> blocks;
  for (int i = 0; i < 20000; ++i) blocks.emplace_back(2000, 'x');
  const std::vector<char> survivor(2000, 'y');
  blocks.clear();
  const auto before = resident_bytes("/", "self");
  ASSERT_TRUE(before.has_value());
  const std::size_t released = release_free_pages();
  const auto after = resident_bytes("/", "self");
  EXPECT_EQ(survivor[0], 'y');
  if (own_allocator) {
    EXPECT_GT(released, std::size_t{20} << 20);
    EXPECT_LT(*after + (std::uint64_t{20} << 20), *before);
  }
}

TEST(Pressure, IsTheShareOfWallTimeBetweenSamples) {
  FixtureTree tree;
  tree.write_pressure("/cpu", 1000000, 0);
  PressureReader reader(tree.path("/cpu"));
  const auto first = reader.sample(start);
  EXPECT_TRUE(first.readable);
  EXPECT_EQ(first.some, std::nullopt);
  tree.write_pressure("/cpu", 1500000, 200000);
  const auto second = reader.sample(start + seconds(2));
  EXPECT_NEAR(*second.some, 0.25, 1e-9);
  EXPECT_NEAR(*second.full, 0.1, 1e-9);
}

TEST(Pressure, AStallOfOneIntervalDoesNotLastAndOneThatIsOverNeither) {
  FixtureTree tree;
  tree.write_pressure("/memory", 0, 0, "0.00");
  PressureReader reader(tree.path("/memory"));
  EXPECT_EQ(reader.sample(start).full_lasting, std::nullopt);
  tree.write_pressure("/memory", 60000, 60000, "0.55");
  const auto burst = reader.sample(start + seconds(1));
  EXPECT_NEAR(*burst.full, 0.06, 1e-9);
  EXPECT_NEAR(*burst.full_lasting, 0.0055, 1e-9);
  tree.write_pressure("/memory", 460000, 460000, "12.50");
  EXPECT_NEAR(*reader.sample(start + seconds(2)).full_lasting, 0.125, 1e-9);
  tree.write_pressure("/memory", 460000, 460000, "11.00");
  EXPECT_NEAR(*reader.sample(start + seconds(3)).full_lasting, 0, 1e-9);
  for (const char* wrong : {"", "x", "1.0x", "-1", "nan", "101"}) {
    tree.write_pressure("/memory", 460000, 460000, wrong);
    EXPECT_EQ(reader.sample(start + seconds(4)).full_lasting, std::nullopt) << wrong;
    reader = PressureReader(tree.path("/memory"));
    (void)reader.sample(start + seconds(3));
  }
}

TEST(Pressure, NeverAnswersZeroOnError) {
  FixtureTree tree;
  PressureReader reader(tree.path("/memory"));
  EXPECT_FALSE(reader.sample(start).readable);
  tree.write_pressure("/memory", 100, 50);
  (void)reader.sample(start + seconds(1));
  tree.write_pressure("/memory", 10, 5);
  EXPECT_EQ(reader.sample(start + seconds(2)).some, std::nullopt) << "the counter went backwards";
  tree.write("/memory", "some avg10=0.00\n");
  EXPECT_FALSE(reader.sample(start + seconds(3)).readable);
  tree.write("/memory",
             "some avg10=0.00 avg60=0.00 avg300=0.00 total=20\n");  // kernels without full
  EXPECT_EQ(reader.sample(start + seconds(4)).some, std::nullopt);
  tree.write("/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=500020\n");
  const auto only_some = reader.sample(start + seconds(5));
  EXPECT_NEAR(*only_some.some, 0.5, 1e-9);
  EXPECT_EQ(only_some.full, std::nullopt);
}

TEST(Disk, StatesTheFullestMountAndSkipsAbsentOnes) {
  EXPECT_EQ(disk_utilization("/", {"/absent-mount"}), std::nullopt);
  EXPECT_EQ(disk_utilization("/", {}), std::nullopt);
  EXPECT_EQ(disk_utilization("/", {"/proc"}), std::nullopt) << "a pseudo file system has no use";
  FixtureTree tree;
  const auto used = disk_utilization(tree.root(), {"/", "/absent"});
  ASSERT_TRUE(used.has_value());
  EXPECT_GE(*used, 0);
  EXPECT_LE(*used, 1);
}

std::string network(const std::string& lines) {
  return "Inter-|   Receive |  Transmit\n face |bytes packets|bytes packets\n" + lines;
}

TEST(Network, CountsWithoutLoopbackAndContainerEnds) {
  FixtureTree tree;
  const std::string rest = " 1 0 0 0 0 0 0 ";
  const auto line = [&rest](const std::string& name, int received, int sent) {
    return "  " + name + ":" + std::to_string(received) + rest + std::to_string(sent) + rest + "\n";
  };
  const std::string file = "/proc/self/net/dev";
  tree.write(file, network(line("lo", 100, 100) + line("eth0", 1000, 2000) + line("veth12", 5, 5)));
  NetworkReader reader(tree.root());
  EXPECT_EQ(reader.sample(start).received, std::nullopt);
  tree.write(file, network(line("lo", 99999, 99999) + line("eth0", 3000, 2500) +
                           line("eth1", 7000, 7000) + line("veth12", 5555, 5555)));
  const auto second = reader.sample(start + seconds(2));
  EXPECT_NEAR(*second.received, 1000, 1e-9);
  EXPECT_NEAR(*second.sent, 250, 1e-9);
  tree.write(file, network(line("eth0", 10, 10) + line("eth1", 7100, 7000)));
  EXPECT_NEAR(*reader.sample(start + seconds(3)).received, 100, 1e-9) << "eth0 was reset";
  tree.write(file, "garbage\n");
  EXPECT_FALSE(reader.sample(start + seconds(4)).readable);
  tree.remove(file);
  EXPECT_FALSE(reader.sample(start + seconds(5)).readable);
}

}  // namespace
}  // namespace homeostat::sense
