#include "runtime/sense/cgroup_paths.hpp"

#include <gtest/gtest.h>

#include "fixture_tree.hpp"

namespace homeostat::sense {
namespace {

TEST(CgroupPaths, ResolveVersionTwoBelowTheMountPoint) {
  FixtureTree tree;
  tree.add_v2();
  tree.write_cpu_v2("/sys/fs/cgroup/pod/agent", 1);
  tree.write_memory_v2("/sys/fs/cgroup/pod/agent", 1, 1, 1);
  const CgroupPaths paths = resolve_cgroup(tree.root(), "self");
  EXPECT_EQ(paths.cpu.version, CgroupVersion::v2);
  EXPECT_EQ(paths.cpu.leaf, tree.path("/sys/fs/cgroup/pod/agent"))
      << "the mount point is not the leaf";
  EXPECT_EQ(paths.memory.leaf, paths.cpu.leaf);
  EXPECT_FALSE(paths.cpuset.known());
  EXPECT_EQ(paths.cpu.chain(), (std::vector<std::string>{tree.path("/sys/fs/cgroup/pod/agent"),
                                                         tree.path("/sys/fs/cgroup/pod"),
                                                         tree.path("/sys/fs/cgroup")}));
}

TEST(CgroupPaths, ResolveAPrivateNamespace) {
  FixtureTree tree;
  tree.add_v2("/");
  tree.write_cpu_v2("/sys/fs/cgroup", 1);
  const CgroupPaths paths = resolve_cgroup(tree.root(), "self");
  EXPECT_EQ(paths.cpu.leaf, tree.path("/sys/fs/cgroup"));
  EXPECT_EQ(paths.cpu.chain().size(), 1U);
}

TEST(CgroupPaths, StripTheMountsInnerRoot) {
  FixtureTree tree;
  tree.add_v2("/docker/abc/inner", "/docker/abc");
  tree.write_cpu_v2("/sys/fs/cgroup/inner", 1);
  EXPECT_EQ(resolve_cgroup(tree.root(), "self").cpu.leaf, tree.path("/sys/fs/cgroup/inner"));
}

TEST(CgroupPaths, AreUnknownRatherThanWrong) {
  FixtureTree tree;
  tree.write_cpu_v2("/sys/fs/cgroup", 1);
  tree.add_v2("/../sibling");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
  tree.add_v2("/docker/abcdef", "/docker/abc");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
  tree.add_v2("/not/there");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
  tree.write("/proc/self/cgroup", "garbage\n\n0\n::\n");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
  tree.add_v2("/");
  tree.write("/proc/self/mountinfo", "garbage - cgroup2\n- - - - - -\n31 22 0:26 / /x rw -\n");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
  tree.remove("/proc");
  EXPECT_FALSE(resolve_cgroup(tree.root(), "self").known());
}

TEST(CgroupPaths, ResolveVersionOne) {
  FixtureTree tree;
  tree.add_v1();
  const CgroupPaths paths = resolve_cgroup(tree.root(), "self");
  EXPECT_EQ(paths.cpu.version, CgroupVersion::v1);
  EXPECT_EQ(paths.cpu.leaf, tree.path("/sys/fs/cgroup/cpu,cpuacct/docker/abc"));
  EXPECT_EQ(paths.cpuacct.leaf, paths.cpu.leaf);
  EXPECT_EQ(paths.memory.leaf, tree.path("/sys/fs/cgroup/memory/docker/abc"));
  EXPECT_EQ(paths.cpuset.leaf, tree.path("/sys/fs/cgroup/cpuset/docker/abc"));
  EXPECT_FALSE(paths.unified.known());
}

TEST(CgroupPaths, PreferVersionOneInAHybrid) {
  FixtureTree tree;
  tree.add_v1();
  tree.write("/proc/self/mountinfo",
             "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
             "33 31 0:30 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  tree.write("/proc/self/cgroup",
             "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n");
  tree.write("/sys/fs/cgroup/unified/docker/abc/cpu.stat", "usage_usec 5\n");
  const CgroupPaths paths = resolve_cgroup(tree.root(), "self");
  EXPECT_EQ(paths.cpu.version, CgroupVersion::v1);
  EXPECT_EQ(paths.memory.version, CgroupVersion::v1);
  EXPECT_EQ(paths.unified.leaf, tree.path("/sys/fs/cgroup/unified/docker/abc"));
}

TEST(CgroupPaths, ReadEscapedMountPointsAndColonsInNames) {
  FixtureTree tree;
  tree.write("/proc/self/mountinfo", "31 22 0:26 / /my\\040cgroups rw - cgroup2 cgroup2 rw\n");
  tree.write("/proc/self/cgroup", "0::/a:b\n");
  tree.write_cpu_v2("/my cgroups/a:b", 1);
  EXPECT_EQ(resolve_cgroup(tree.root(), "self").cpu.leaf, tree.path("/my cgroups/a:b"));
}

TEST(CgroupPaths, AcceptAnExplicitDirectory) {
  FixtureTree tree;
  tree.write_cpu_v2("/sys/fs/cgroup/pod/app", 1);
  for (const char* each : {"/sys/fs/cgroup", "/sys/fs/cgroup/pod", "/sys/fs/cgroup/pod/app"}) {
    tree.write(std::string(each) + "/cgroup.procs", "");
    tree.write(std::string(each) + "/cgroup.controllers", "cpu memory\n");
  }
  const CgroupPaths paths = explicit_cgroup(tree.root(), "/sys/fs/cgroup/pod/app");
  EXPECT_EQ(paths.cpu.version, CgroupVersion::v2);
  EXPECT_EQ(paths.cpu.chain().size(), 3U) << "ancestors bind, too";
  EXPECT_FALSE(explicit_cgroup(tree.root(), "/sys/fs/cgroup/absent").known());
}

TEST(CgroupPaths, FindTheSiblingsOfAnExplicitVersionOneDirectory) {
  FixtureTree tree;
  tree.make_directory("/sys/fs/cgroup/cpu,cpuacct/app");
  tree.make_directory("/sys/fs/cgroup/memory/app");
  const CgroupPaths paths = explicit_cgroup(tree.root(), "/sys/fs/cgroup/memory/app");
  EXPECT_EQ(paths.memory.leaf, tree.path("/sys/fs/cgroup/memory/app"));
  EXPECT_EQ(paths.cpu.leaf, tree.path("/sys/fs/cgroup/cpu,cpuacct/app"));
  EXPECT_EQ(paths.cpuacct.leaf, paths.cpu.leaf);
  EXPECT_EQ(paths.cpu.version, CgroupVersion::v1);
  EXPECT_FALSE(paths.cpuset.known());
}

}  // namespace
}  // namespace homeostat::sense
