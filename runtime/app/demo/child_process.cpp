#include "runtime/app/demo/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <utility>

namespace homeostat::demo {

namespace {

constexpr std::size_t tail_lines = 15;

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, int log, int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the request
  ::setpgid(0, 0);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const int empty = ::open("/dev/null", O_RDONLY);
  if (empty >= 0) ::dup2(empty, STDIN_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

std::string problem(const std::string& what, int error) {
  return fmt::format("{}: {}", what, std::strerror(error));
}

}  // namespace

std::string ChildProcess::start(std::vector<std::string> arguments, std::string log_file) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0) return problem(log_file, errno);
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(log);
    return problem("pipe", error);
  }
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(pointers.data(), log, report[1], parent);
  int error = child < 0 ? errno : 0;
  ::close(log);
  ::close(report[1]);
  // Ends without a byte when exec closes the pipe's other end.
  if (child > 0 && ::read(report[0], &error, sizeof error) <= 0) error = 0;
  ::close(report[0]);
  if (error != 0) {
    if (child > 0) ::waitpid(child, nullptr, 0);
    return problem(arguments.front(), error);
  }
  pid_ = child;
  end_.clear();
  log_file_ = std::move(log_file);
  return {};
}

void ChildProcess::collect(int options) {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(pid_, &status, options)) < 0 && errno == EINTR) {
  }
  if (ended == 0) return;
  pid_ = -1;
  end_ = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("exit code {}", WEXITSTATUS(status));
}

bool ChildProcess::running() {
  if (pid_ > 0) collect(WNOHANG);
  return pid_ > 0;
}

void ChildProcess::terminate() {
  if (running()) ::kill(pid_, SIGTERM);
}

void ChildProcess::kill_now() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  collect(0);
}

std::optional<std::string> ChildProcess::logged(const std::string& marker) const {
  std::ifstream stream(log_file_);
  for (std::string line; std::getline(stream, line);) {
    if (stream.eof()) break;  // not yet written to its end
    const std::size_t at = line.find(marker);
    if (at != std::string::npos) return line.substr(at + marker.size());
  }
  return std::nullopt;
}

std::string ChildProcess::log_tail() const {
  std::ifstream stream(log_file_);
  std::deque<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > tail_lines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "  | " + line + "\n";
  return text;
}

}  // namespace homeostat::demo
