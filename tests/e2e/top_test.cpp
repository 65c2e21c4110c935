// `homeostat top` in a terminal of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>

#include "tests/e2e/cache_support.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

const std::string frame_start = "\x1b[H\x1b[2J";

/// The program in a pseudo-terminal whose size can be changed.
class Terminal {
 public:
  explicit Terminal(const std::string& admin) {
    winsize size = sized(40, 120);
    pid_ = ::forkpty(&descriptor_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execl(HOMEOSTAT_BINARY, HOMEOSTAT_BINARY, "top", "--admin", admin.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void resize(unsigned short rows, unsigned short columns) const {
    winsize size = sized(rows, columns);
    ASSERT_EQ(::ioctl(descriptor_, TIOCSWINSZ, &size), 0);
  }
  /// What was drawn last and completely; reads what is there.
  std::string frame() {
    read_some();
    const std::size_t last = text_.rfind(frame_start);
    if (last == std::string::npos || last == 0) return {};
    const std::size_t before = text_.rfind(frame_start, last - 1);
    if (before == std::string::npos) return {};
    return text_.substr(before + frame_start.size(), last - before - frame_start.size());
  }
  const std::string& text() {
    read_some();
    return text_;
  }
  void interrupt() const { ASSERT_EQ(::write(descriptor_, "\x03", 1), 1); }
  /// The exit status, once it has ended.
  std::optional<int> ended() {
    read_some();
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    read_some();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  static winsize sized(unsigned short rows, unsigned short columns) {
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    return size;
  }
  void read_some() {
    for (;;) {
      pollfd wanted{descriptor_, POLLIN, 0};
      if (::poll(&wanted, 1, 0) <= 0 || (wanted.revents & POLLIN) == 0) return;
      char piece[4096];
      const ssize_t count = ::read(descriptor_, piece, sizeof piece);
      if (count <= 0) return;
      text_.append(piece, static_cast<std::size_t>(count));
    }
  }

  pid_t pid_ = -1;
  int descriptor_ = -1;
  std::string text_;
};

std::string admin_url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }
std::string admin_url(const RunningAgent& agent) { return admin_url(agent.admin_port()); }

std::size_t widest(const std::string& frame) {
  std::size_t widest = 0;
  for (std::size_t begin = 0; begin < frame.size();) {
    const std::size_t end = std::min(frame.find("\r\n", begin), frame.size());
    widest = std::max(widest, end - begin);
    begin = end + 2;
  }
  return widest;
}

TEST(Top, RedrawsForTheWindowAsItIsAndLeavesTheTerminalAsItWas) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  Terminal terminal(admin_url(agent));
  ASSERT_TRUE(eventually([&] { return contains(terminal.frame(), "latest decisions"); }))
      << terminal.text();
  EXPECT_GT(widest(terminal.frame()), 30U);
  terminal.resize(6, 30);
  EXPECT_TRUE(eventually([&] {
    const std::string frame = terminal.frame();
    return contains(frame, "homeostat") && widest(frame) <= 30 &&
           std::count(frame.begin(), frame.end(), '\n') <= 5;
  })) << terminal.frame();
  terminal.interrupt();
  std::optional<int> status;
  ASSERT_TRUE(eventually([&] { return (status = terminal.ended()).has_value(); }));
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(terminal.text().ends_with("\x1b[?25h\x1b[?1049l")) << "cursor and screen are back";
}

TEST(Top, SaysThatTheAgentDoesNotAnswerAndGoesOn) {
  ScriptedOrigin origin;
  RunningAgent agent(origin);
  const std::string url = admin_url(agent);
  Terminal terminal(url);
  ASSERT_TRUE(eventually([&] { return contains(terminal.frame(), "latest decisions"); }))
      << terminal.text();
  agent.stop();
  EXPECT_TRUE(eventually([&] {
    const std::string frame = terminal.frame();
    return contains(frame, url) && !contains(frame, "latest decisions");
  })) << terminal.frame();
  EXPECT_FALSE(terminal.ended().has_value());
}

TEST(Top, EndsAtOnceWithoutAnAgent) {
  const HeldPort port;
  const std::string url = admin_url(port.port());
  Terminal terminal(url);
  std::optional<int> status;
  ASSERT_TRUE(eventually([&] { return (status = terminal.ended()).has_value(); }));
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(contains(terminal.text(), url)) << terminal.text();
}

}  // namespace
}  // namespace homeostat::test
