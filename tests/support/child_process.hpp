// Starts a real program for a test and ends it with the test.
//
// The child's standard output and error arrive line by line; it gets SIGKILL
// when the test's main thread dies, so that no crash leaves strays behind.
// Only this child is ever signalled, by its own process id.
//
// Thread safety: use from one thread; a reader thread collects output.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace homeostat::test {

class ChildProcess {
 public:
  /// `arguments[0]` is the program, looked up in PATH. Throws
  /// std::system_error if it cannot be started.
  explicit ChildProcess(std::vector<std::string> arguments);
  /// SIGTERM, then SIGKILL if it is still there after a second.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The first line, past or future, that holds `part`; nothing if the child
  /// ends or `patience` passes without one.
  [[nodiscard]] std::optional<std::string> wait_for_line(
      const std::string& part, std::chrono::milliseconds patience = std::chrono::seconds(20));

  void signal(int number) const;
  /// Waits for the end: the exit status, or 128 + the signal that ended it.
  [[nodiscard]] std::optional<int> wait_for_exit(
      std::chrono::milliseconds patience = std::chrono::seconds(20));

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// All output so far, for failure messages. Bounded: the last 10000 lines.
  [[nodiscard]] std::string output() const;

 private:
  void collect(int descriptor);
  void add_line(std::string line);
  void reap();

  pid_t pid_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  bool output_ended_ = false;
  std::optional<int> exit_status_;
  std::thread reader_;
  std::thread waiter_;
};

/// A new directory, removed with its content: under the system's temporary one, or in
/// memory, where the machine has that, for programs that wait for their disk.
class TemporaryDirectory {
 public:
  enum class Place : std::uint8_t { temporary, memory };
  explicit TemporaryDirectory(Place place = Place::temporary);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Writes a file and returns its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

}  // namespace homeostat::test
