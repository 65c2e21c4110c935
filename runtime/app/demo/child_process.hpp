// A child of the story: starts a program, watches it, ends it.
//
// Output goes to a log file, so that nobody has to read a pipe while the load
// runs and the operator can look at it afterwards. The child is in a process
// group of its own (Ctrl-C reaches the story, which ends its children in order)
// and is killed by the kernel if the story dies.
// Only the started process is ever signalled, by its own id, and only until its
// end has been collected.
// Thread safety: none; use from the thread that started it.
// Errors: start() returns a message; nothing throws.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace homeostat::demo {

class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess() { kill_now(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Starts `arguments[0]` (a path) with its output appended to `log_file`.
  /// Returns an error message, empty on success. REQUIRES: not running.
  [[nodiscard]] std::string start(std::vector<std::string> arguments, std::string log_file);

  /// Whether it still runs; collects its end if not.
  [[nodiscard]] bool running();
  void terminate();  ///< SIGTERM
  void kill_now();   ///< SIGKILL, and waits for the end

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// "exit code 1", "signal 9"; empty while running.
  [[nodiscard]] const std::string& end() const noexcept { return end_; }
  [[nodiscard]] const std::string& log_file() const noexcept { return log_file_; }
  /// The rest of the first log line that holds `marker`, after it.
  [[nodiscard]] std::optional<std::string> logged(const std::string& marker) const;
  /// The log's last lines, for an error message.
  [[nodiscard]] std::string log_tail() const;

 private:
  void collect(int options);

  pid_t pid_ = -1;
  std::string end_;
  std::string log_file_;
};

}  // namespace homeostat::demo
