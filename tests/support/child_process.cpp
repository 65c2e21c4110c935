#include "tests/support/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace homeostat::test {

namespace {

constexpr std::size_t lines_max = 10000;
constexpr std::size_t line_bytes_max = 64 * 1024;

[[noreturn]] void fail(const char* what, int error) {
  throw std::system_error(error, std::generic_category(), what);
}

/// Between fork and exec: async-signal-safe calls only. posix_spawn could not
/// ask for the parent-death signal.
[[noreturn]] void become(char* const* arguments, int output, int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the request
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

std::filesystem::path parent_of(TemporaryDirectory::Place place) {
  const char* const memory = "/dev/shm";
  const bool there = place == TemporaryDirectory::Place::memory && ::access(memory, W_OK) == 0;
  return there ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> arguments) {
  if (arguments.empty()) throw std::invalid_argument("no program given");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  std::array<int, 2> output{};
  std::array<int, 2> report{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0 || ::pipe2(report.data(), O_CLOEXEC) != 0) {
    fail("pipe2", errno);
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("fork", errno);
  if (pid_ == 0) become(pointers.data(), output[1], report[1], parent);
  ::close(output[1]);
  ::close(report[1]);
  int error = 0;
  const auto got = ::read(report[0], &error, sizeof error);  // ends at exec
  ::close(report[0]);
  if (got == static_cast<ssize_t>(sizeof error)) {
    ::close(output[0]);
    ::waitpid(pid_, nullptr, 0);
    fail(arguments[0].c_str(), error);
  }
  reader_ = std::thread([this, descriptor = output[0]] { collect(descriptor); });
  waiter_ = std::thread([this] { reap(); });
}

ChildProcess::~ChildProcess() {
  signal(SIGTERM);
  if (!wait_for_exit(std::chrono::seconds(1))) signal(SIGKILL);
  waiter_.join();
  reader_.join();
}

void ChildProcess::reap() {
  int status = 0;
  siginfo_t information{};
  // Leaves the zombie in place until the status is published, so that the
  // process id cannot be another's while signal() may use it.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  ::waitpid(pid_, &status, 0);
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.notify_all();
}

void ChildProcess::collect(int descriptor) {
  std::array<char, 4096> buffer{};
  std::string line;
  for (;;) {
    const auto got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      if (buffer[i] == '\n' || line.size() >= line_bytes_max) {
        add_line(std::move(line));
        line.clear();
      }
      if (buffer[i] != '\n') line += buffer[i];
    }
  }
  ::close(descriptor);
  if (!line.empty()) add_line(std::move(line));
  const std::lock_guard lock(mutex_);
  output_ended_ = true;
  changed_.notify_all();
}

void ChildProcess::add_line(std::string line) {
  const std::lock_guard lock(mutex_);
  if (lines_.size() >= lines_max) lines_.erase(lines_.begin(), lines_.begin() + lines_max / 2);
  lines_.push_back(std::move(line));
  changed_.notify_all();
}

std::optional<std::string> ChildProcess::wait_for_line(const std::string& part,
                                                       std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::optional<std::string> found;
  changed_.wait_for(lock, patience, [&] {
    for (const std::string& line : lines_) {
      if (line.find(part) != std::string::npos) {
        found = line;
        return true;
      }
    }
    return output_ended_;
  });
  return found;
}

void ChildProcess::signal(int number) const {
  const std::lock_guard lock(mutex_);
  if (!exit_status_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait_for_exit(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return exit_status_.has_value(); });
  // The last it wrote may still be on its way. A child of its own may hold the pipe for longer.
  constexpr std::chrono::milliseconds on_its_way{1000};
  if (exit_status_) {
    changed_.wait_for(lock, std::min(patience, on_its_way), [this] { return output_ended_; });
  }
  return exit_status_;
}

std::string ChildProcess::output() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string& line : lines_) all += line + "\n";
  return all;
}

TemporaryDirectory::TemporaryDirectory(Place place)
    : path_((parent_of(place) / "homeostat-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) fail("mkdtemp", errno);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& content) const {
  const std::string file = path_ + "/" + name;
  std::ofstream(file, std::ios::binary) << content;
  return file;
}

}  // namespace homeostat::test
