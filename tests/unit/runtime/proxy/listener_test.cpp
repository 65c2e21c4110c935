// Who may listen where: the workers of one agent together, nobody else.
#include "runtime/proxy/listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "config/settings/address_text.hpp"
#include "runtime/proxy/socket_file.hpp"
#include "runtime/proxy/upstream_target.hpp"
#include "tests/support/socket.hpp"

namespace homeostat::proxy {
namespace {

using config::Address;

/// Closes what a test opened.
class Opened {
 public:
  explicit Opened(const Address& address, ListenerRank rank = ListenerRank::first)
      : descriptor_(open_listener(address, rank, bound, error)) {}
  ~Opened() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] bool ok() const noexcept { return descriptor_ >= 0; }

  Address bound;
  std::string error;

 private:
  int descriptor_;
};

/// How many of several agents that start at the same moment get the address.
int winners(const Address& address) {
  constexpr int agents = 4;
  std::latch together(agents);
  std::latch all_tried(agents);
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < agents; ++i) {
    threads.emplace_back([&] {
      together.arrive_and_wait();
      const Opened mine(address);
      if (mine.ok()) ++won;
      all_tried.arrive_and_wait();  // nobody leaves before all have tried
    });
  }
  for (std::thread& thread : threads) thread.join();
  return won;
}

class Listening : public ::testing::TestWithParam<const char*> {
 protected:
  Address any_port() const { return {GetParam(), 0, {}}; }
};

TEST_P(Listening, WorkersOfOneAgentShareThePort) {
  const Opened first(any_port());
  ASSERT_TRUE(first.ok()) << first.error;
  EXPECT_NE(first.bound.port, 0);
  const Opened second(first.bound, ListenerRank::further);
  const Opened third(first.bound, ListenerRank::further);
  EXPECT_TRUE(second.ok()) << second.error;
  EXPECT_TRUE(third.ok()) << third.error;
}

TEST_P(Listening, ASecondAgentIsRefusedWithTheAddressInTheReason) {
  const Opened first(any_port());
  const Opened shared(first.bound, ListenerRank::further);
  ASSERT_TRUE(shared.ok());
  const Opened other(first.bound);
  EXPECT_FALSE(other.ok());
  EXPECT_EQ(other.error, "cannot listen on " + config::to_string(first.bound) +
                             ": Address already in use; another process, perhaps another "
                             "homeostat, serves there");
}

TEST_P(Listening, OfManyAtOnceExactlyOneGetsThePort) {
  const test::HeldPort port;
  const Address address{GetParam(), port.port(), {}};
  for (int round = 0; round < 20; ++round) EXPECT_EQ(winners(address), 1);
}

INSTANTIATE_TEST_SUITE_P(Addresses, Listening, ::testing::Values("127.0.0.1", "", "localhost"),
                         [](const auto& test) {
                           return test.index == 0   ? "Loopback"
                                  : test.index == 1 ? "EveryInterface"
                                                    : "Name";
                         });

TEST(ListeningPort, OnEveryInterfaceCollidesWithOneOfThem) {
  const Opened one({"127.0.0.1", 0, {}});
  ASSERT_TRUE(one.ok()) << one.error;
  const Opened every({"", one.bound.port, {}});
  EXPECT_FALSE(every.ok());
}

class UnixListening : public ::testing::Test {
 protected:
  UnixListening() {
    char pattern[] = "/tmp/homeostat-listen-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    address_.unix_path = folder_ + "/agent.sock";
  }
  ~UnixListening() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  Address address_;
};

TEST_F(UnixListening, ASecondAgentIsRefused) {
  const Opened first(address_);
  ASSERT_TRUE(first.ok()) << first.error;
  const Opened other(address_);
  EXPECT_FALSE(other.ok());
  EXPECT_NE(other.error.find("cannot listen on unix:" + address_.unix_path), std::string::npos);
  // The first one is still reached.
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, address_.unix_path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(client);
}

TEST_F(UnixListening, OfManyAtOnceOverALeftOverFileExactlyOneGetsThePath) {
  for (int round = 0; round < 20; ++round) {
    { const Opened crashed(address_); }  // leaves its file behind
    ASSERT_TRUE(std::filesystem::exists(address_.unix_path));
    EXPECT_EQ(winners(address_), 1);
  }
}

TEST_F(UnixListening, AFileThatIsNoSocketIsNamedAsTheReason) {
  std::ofstream(address_.unix_path) << "somebody's notes";
  const Opened refused(address_);
  EXPECT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error.ends_with("; the file there is not a socket")) << refused.error;
  EXPECT_TRUE(std::filesystem::is_regular_file(address_.unix_path)) << "it is left alone";
}

TEST_F(UnixListening, TheFileGoesWithItsOwner) {
  const Opened first(address_);
  ASSERT_TRUE(first.ok()) << first.error;
  { const SocketFile file(address_.unix_path); }
  EXPECT_FALSE(std::filesystem::exists(address_.unix_path));
}

TEST_F(UnixListening, WhoHoldsTheFoldersLockHoldsUpNobody) {
  const int held = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  {
    const Opened first(address_);
    EXPECT_TRUE(first.ok()) << first.error;
    const SocketFile file(address_.unix_path);
  }
  EXPECT_FALSE(std::filesystem::exists(address_.unix_path));
  ::close(held);
}

TEST_F(UnixListening, AServerThatAcceptsNobodyIsInUse) {
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  std::strncpy(path.sun_path, address_.unix_path.c_str(), sizeof path.sun_path - 1);
  const auto* address = reinterpret_cast<const sockaddr*>(&path);
  std::vector<int> queue{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::bind(queue.front(), address, sizeof path), 0);
  ASSERT_EQ(::listen(queue.front(), 0), 0);
  int result = 0;
  while (result == 0) {  // until it has no room
    queue.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    result = ::connect(queue.back(), address, sizeof path);
  }
  const Opened other(address_);
  EXPECT_FALSE(other.ok());
  for (const int one : queue) ::close(one);
}

TEST_F(UnixListening, TheFileOfASuccessorStays) {
  std::optional<Opened> first(std::in_place, address_);
  ASSERT_TRUE(first->ok()) << first->error;
  std::optional<SocketFile> file(std::in_place, address_.unix_path);
  first.reset();  // it has drained, say
  const Opened successor(address_);
  ASSERT_TRUE(successor.ok()) << successor.error;
  file.reset();
  EXPECT_TRUE(std::filesystem::exists(address_.unix_path));
}

}  // namespace
}  // namespace homeostat::proxy
