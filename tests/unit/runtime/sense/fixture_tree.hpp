// A throw-away directory tree that stands in for /proc and /sys.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace homeostat::sense {

class FixtureTree {
 public:
  FixtureTree() {
    std::string name = (std::filesystem::temp_directory_path() / "homeostat-sense-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~FixtureTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  FixtureTree(const FixtureTree&) = delete;
  FixtureTree& operator=(const FixtureTree&) = delete;

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string path(const std::string& inside) const { return root_ + inside; }

  void write(const std::string& inside, const std::string& content) {
    const std::filesystem::path file = path(inside);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  void remove(const std::string& inside) { std::filesystem::remove_all(path(inside)); }
  void make_directory(const std::string& inside) {
    std::filesystem::create_directories(path(inside));
  }

  // -- ready-made machines --------------------------------------------------
  /// 8 CPUs, 16 GiB of which 12 GiB are available, no cgroups.
  void add_host() {
    write("/sys/devices/system/cpu/online", "0-7\n");
    write(
        "/proc/meminfo",
        "MemTotal:       16777216 kB\nMemFree:         1000000 kB\nMemAvailable:   12582912 kB\n");
    write_stat(0, 0);
    write("/proc/self/statm", "10000 2560 300 1 0 900 0\n");
    write("/proc/self/net/dev",
          "Inter-|   Receive                    |  Transmit\n"
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
          "    lo: 500 5 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n"
          "  eth0: 1000 5 0 0 0 0 0 0 2000 5 0 0 0 0 0 0\n");
    write_pressure("/proc/pressure/cpu", 0, 0);
    write_pressure("/proc/pressure/memory", 0, 0);
    write_pressure("/proc/pressure/io", 0, 0);
  }
  void write_stat(unsigned long busy, unsigned long idle, unsigned long steal = 0) {
    write("/proc/stat", "cpu  " + std::to_string(busy) + " 0 0 " + std::to_string(idle) +
                            " 0 0 0 " + std::to_string(steal) +
                            " 0 0\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5\n");
  }
  void write_pressure(const std::string& inside, unsigned long some, unsigned long full,
                      const std::string& average = "9.00") {
    write(inside, "some avg10=9.00 avg60=9.00 avg300=9.00 total=" + std::to_string(some) +
                      "\nfull avg10=" + average +
                      " avg60=9.00 avg300=9.00 total=" + std::to_string(full) + "\n");
  }
  /// Pure v2, host cgroup namespace: own cgroup is /pod/agent.
  void add_v2(const std::string& leaf = "/pod/agent", const std::string& inner = "/") {
    write("/proc/self/mountinfo",
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "31 22 0:26 " +
              inner + " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    write("/proc/self/cgroup", "0::" + leaf + "\n");
  }
  void write_cpu_v2(const std::string& directory, unsigned long usage_us, unsigned long periods = 0,
                    unsigned long throttled = 0) {
    write(directory + "/cpu.stat", "usage_usec " + std::to_string(usage_us) +
                                       "\nuser_usec 1\nsystem_usec 1\nnr_periods " +
                                       std::to_string(periods) + "\nnr_throttled " +
                                       std::to_string(throttled) + "\nthrottled_usec 7\n");
  }
  void write_memory_v2(const std::string& directory, unsigned long current, unsigned long anon,
                       unsigned long inactive_file) {
    write(directory + "/memory.current", std::to_string(current) + "\n");
    write(directory + "/memory.stat", "anon " + std::to_string(anon) +
                                          "\nfile 1\ninactive_anon 5\ninactive_file " +
                                          std::to_string(inactive_file) + "\n");
  }
  /// One controller per mount, own cgroup /docker/abc.
  void add_v1() {
    write("/proc/self/mountinfo",
          "31 22 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
          "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct ro shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
          "33 31 0:30 / /sys/fs/cgroup/memory ro shared:2 - cgroup cgroup rw,memory\n"
          "34 31 0:31 / /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n");
    write("/proc/self/cgroup",
          "5:memory:/docker/abc\n4:cpuset:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/"
          "x\n");
    for (const char* each : {"cpu,cpuacct", "memory", "cpuset"}) {
      make_directory(std::string("/sys/fs/cgroup/") + each + "/docker/abc");
    }
  }

 private:
  std::string root_;
};

}  // namespace homeostat::sense
