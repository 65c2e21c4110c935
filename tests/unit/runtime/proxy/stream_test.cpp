#include "runtime/proxy/stream.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace homeostat::proxy {
namespace {

struct Owner final : StreamOwner {
  explicit Owner(boost::asio::io_context& context) : stream(*this, context.get_executor()) {}
  void on_readable() override { ++readable; }
  void on_writable() override { ++writable; }
  int readable = 0, writable = 0;
  Stream stream;
};

/// A connected pair over loopback TCP: `peer` is the other side, blocking.
class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener, generic, length), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, generic, &length), 0);
    peer = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(peer, generic, length), 0);
    const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    EXPECT_GE(accepted, 0);
    ::close(listener);
    owner->stream.assign(accepted, AF_INET);
  }
  ~StreamTest() override {
    owner->stream.close();
    turn();
    if (peer >= 0) ::close(peer);
  }

  void say(const std::string& text) {
    ASSERT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  /// One read. Loopback has delivered what the peer sent before its send() returned.
  std::string heard() {
    const IoResult result = owner->stream.read(buffer);
    return result.status == IoStatus::ok ? std::string(buffer.data(), result.bytes) : std::string();
  }
  void turn() {
    context.restart();
    context.poll();
  }
  void reset_peer() {
    const linger at_once{1, 0};
    ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(peer, -1));
  }

  boost::asio::io_context context;
  Ref<Owner> owner = make_ref<Owner>(context);
  std::array<char, 64> buffer{};
  int peer = -1;
};

TEST_F(StreamTest, ReportsEachArrivalOnce) {
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 0);
  for (int i = 1; i <= 3; ++i) {
    say("request");
    turn();
    EXPECT_EQ(owner->readable, i);
    turn();
    EXPECT_EQ(owner->readable, i);
    EXPECT_EQ(heard(), "request");
    EXPECT_TRUE(owner->stream.drained());
    owner->stream.arm_next_readable();
    turn();
    EXPECT_EQ(owner->readable, i);
  }
}

TEST_F(StreamTest, AnswersWouldBlockForAnEmptySocketAndLosesNothing) {
  owner->stream.arm_readable();
  say("one");
  turn();
  EXPECT_EQ(heard(), "one");
  say("two");  // nobody waits, and no event was handled yet
  EXPECT_EQ(owner->stream.read(buffer).status, IoStatus::would_block);
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(heard(), "two");
}

TEST_F(StreamTest, KeepsAnEventThatCameWhileNobodyWaited) {
  owner->stream.arm_readable();
  say("one");
  turn();
  EXPECT_EQ(heard(), "one");
  say("two");
  turn();  // the loop sees it; no wait is armed
  EXPECT_EQ(owner->readable, 1);
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(heard(), "two");
}

TEST_F(StreamTest, ReportsWhatWasLeftInTheSocket) {
  owner->stream.arm_readable();
  say(std::string(100, 'x'));
  turn();
  EXPECT_EQ(heard().size(), 64U);
  EXPECT_FALSE(owner->stream.drained());
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(heard().size(), 36U);
  EXPECT_TRUE(owner->stream.drained());
}

TEST_F(StreamTest, SeesTheEndThatCameWithTheLastBytes) {
  say("bye");
  ::shutdown(peer, SHUT_WR);
  owner->stream.arm_readable();
  turn();
  EXPECT_EQ(owner->readable, 1);  // one event for both
  EXPECT_EQ(heard(), "bye");
  EXPECT_FALSE(owner->stream.drained());
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(owner->stream.read(buffer).status, IoStatus::end);
}

TEST_F(StreamTest, SeesTheEndBehindBytesThatNobodyReads) {
  say("bytes");
  owner->stream.arm_readable();
  turn();
  EXPECT_EQ(owner->stream.peek(), IoStatus::ok);
  EXPECT_FALSE(owner->stream.peer_ended());
  owner->stream.arm_next_event();
  turn();
  EXPECT_EQ(owner->readable, 1) << "what is there already is not reported";
  ::shutdown(peer, SHUT_WR);
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(owner->stream.peek(), IoStatus::ok);
  EXPECT_TRUE(owner->stream.peer_ended());
}

TEST_F(StreamTest, BytesPassedOverAreReportedToWhoWantsThem) {
  say("bytes");
  owner->stream.arm_readable();
  turn();
  EXPECT_EQ(owner->stream.peek(), IoStatus::ok);
  owner->stream.arm_next_event();
  turn();
  ASSERT_EQ(owner->readable, 1);
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(heard(), "bytes");
  say("more");  // the wait is still armed
  turn();
  EXPECT_EQ(owner->readable, 3);
  EXPECT_EQ(heard(), "more");
}

TEST_F(StreamTest, BytesPassedOverTwiceAreReportedTwice) {
  say("bytes");
  owner->stream.arm_readable();
  turn();
  for (int times = 2; times <= 3; ++times) {
    EXPECT_EQ(owner->stream.peek(), IoStatus::ok);
    owner->stream.arm_next_event();
    owner->stream.arm_next_readable();
    turn();
    EXPECT_EQ(owner->readable, times);
  }
  EXPECT_EQ(heard(), "bytes");
}

TEST_F(StreamTest, AResetIsAnEndToo) {
  say("bytes");
  owner->stream.arm_readable();
  turn();
  owner->stream.arm_next_event();
  reset_peer();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_TRUE(owner->stream.peer_ended());
}

TEST_F(StreamTest, SeesAResetThatCameWithTheLastBytesWhenItLooksAgain) {
  say("half an ans");
  owner->stream.arm_readable();
  reset_peer();
  turn();
  EXPECT_EQ(owner->readable, 1);
  EXPECT_EQ(heard(), "half an ans");
  owner->stream.arm_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_NE(owner->stream.peek(), IoStatus::would_block);
}

TEST_F(StreamTest, AFailedWriteMakesTheNextWaitLookAgain) {
  say("bytes");
  owner->stream.arm_readable();
  reset_peer();
  turn();
  EXPECT_EQ(heard(), "bytes");
  iovec piece{buffer.data(), 1};
  EXPECT_EQ(owner->stream.write({&piece, 1}).status, IoStatus::error);
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 2);
}

TEST_F(StreamTest, PeekTakesNothing) {
  EXPECT_EQ(owner->stream.peek(), IoStatus::would_block);
  EXPECT_TRUE(owner->stream.drained());
  say("x");
  EXPECT_EQ(owner->stream.peek(), IoStatus::ok);
  EXPECT_FALSE(owner->stream.drained());
  owner->stream.arm_next_readable();
  turn();
  EXPECT_EQ(owner->readable, 1);
  EXPECT_EQ(heard(), "x");
}

TEST_F(StreamTest, SaysWhenThereIsRoomAgainTimeAfterTime) {
  std::vector<char> block(1 << 20, 'x');
  std::vector<char> sink(block.size());
  iovec piece{block.data(), block.size()};
  for (int round = 1; round <= 3; ++round) {
    while (owner->stream.write({&piece, 1}).status == IoStatus::ok) {
    }
    owner->stream.arm_writable();
    turn();
    EXPECT_EQ(owner->writable, round - 1);
    while (::recv(peer, sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
      turn();
    }
    turn();
    EXPECT_EQ(owner->writable, round);
  }
}

TEST_F(StreamTest, ClosingDropsTheWaitWithoutACallback) {
  owner->stream.arm_readable();
  say("late");
  owner->stream.close();
  turn();
  EXPECT_EQ(owner->readable, 0);
  EXPECT_FALSE(owner->stream.is_open());
}

TEST_F(StreamTest, AnArmedWaitKeepsItsOwner) {
  owner->stream.arm_readable();
  EXPECT_TRUE(owner->shared());
  owner->stream.close();
  turn();
  EXPECT_FALSE(owner->shared());
}

TEST(UnixStream, LooksAgainBecauseTheKernelSaysNothingAboutTheRest) {
  boost::asio::io_context context;
  const auto owner = make_ref<Owner>(context);
  int pair[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  owner->stream.assign(pair[0], AF_UNIX);
  ASSERT_EQ(::send(pair[1], "bye", 3, 0), 3);
  ::close(pair[1]);
  owner->stream.arm_readable();
  context.poll();
  std::array<char, 64> buffer{};
  EXPECT_EQ(owner->stream.read(buffer).bytes, 3U);
  EXPECT_FALSE(owner->stream.drained());
  owner->stream.arm_next_readable();
  context.restart();
  context.poll();
  EXPECT_EQ(owner->readable, 2);
  EXPECT_EQ(owner->stream.read(buffer).status, IoStatus::end);
  owner->stream.close();
  context.restart();
  context.poll();
}

}  // namespace
}  // namespace homeostat::proxy
