// Whoever reads the log may stall or end: the agent serves on, and ends when it is told to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/scripted_origin.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// The program with both outputs in one pipe, which is read only as far as the test wants.
class Unread {
 public:
  explicit Unread(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    reader_ = ends[0];
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::signal(SIGPIPE, SIG_DFL);
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    ::close(ends[1]);
  }
  ~Unread() {
    if (pid_ > 0 && !ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    close_reader();
  }
  Unread(const Unread&) = delete;
  Unread& operator=(const Unread&) = delete;

  /// Reads up to the end of the start, and nothing afterwards.
  std::uint16_t port() {
    const std::string text = read_until("management on ");
    const std::string mark = "serving on 127.0.0.1:";
    const std::size_t at = text.find(mark);
    if (at == std::string::npos) return 0;
    return static_cast<std::uint16_t>(std::stoi(text.substr(at + mark.size())));
  }
  void close_reader() {
    if (reader_ >= 0) ::close(reader_);
    reader_ = -1;
  }
  void signal(int number) const { ::kill(pid_, number); }
  bool ends() {
    return eventually([&] { return ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_; });
  }
  [[nodiscard]] bool ended_well() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }

 private:
  std::string read_until(const std::string& mark) const {
    std::string text;
    char byte = 0;
    while (text.find(mark) == std::string::npos && ::read(reader_, &byte, 1) == 1) text += byte;
    return text;
  }

  pid_t pid_ = -1;
  int reader_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

std::vector<std::string> with_both_logs(const std::string& upstream) {
  return {HOMEOSTAT_BINARY, "run",
          "--listen",       "127.0.0.1:0",
          "--upstream",     upstream,
          "--set",          "admin.listen=127.0.0.1:0",
          "--set",          "log.access.enabled=true"};
}

/// More lines than a pipe and the queues hold.
void ask_often(std::uint16_t port) {
  const std::string target = "/page/" + std::string(900, 'x');
  HttpClient client(port);
  for (int i = 0; i < 3000; ++i) {
    const int status = client.get(target).status();
    if (status != 200 && status != 502 && status != 503) {
      ADD_FAILURE() << "request " << i << ": " << status;
      return;
    }
  }
}

TEST(LogReader, ThatStallsHoldsUpNeitherRequestsNorTheEnd) {
  ScriptedOrigin origin;
  const HeldPort dead;
  Unread agent(with_both_logs("http://127.0.0.1:" + std::to_string(dead.port())));
  const std::uint16_t port = agent.port();
  ASSERT_NE(port, 0);
  ask_often(port);  // each is a line, and what the upstream fails another one
  agent.signal(SIGTERM);
  EXPECT_TRUE(agent.ends());
  EXPECT_TRUE(agent.ended_well());
}

TEST(LogReader, ThatEndsDoesNotEndTheAgent) {
  ScriptedOrigin origin;
  Unread agent(with_both_logs(origin.url()));
  const std::uint16_t port = agent.port();
  ASSERT_NE(port, 0);
  agent.close_reader();
  ask_often(port);
  agent.signal(SIGTERM);
  EXPECT_TRUE(agent.ends());
  EXPECT_TRUE(agent.ended_well());
}

}  // namespace
}  // namespace homeostat::test
