// Buffers, gathered output and the choice of an upstream, each by itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/proxy/buffer.hpp"
#include "runtime/proxy/outgoing.hpp"

namespace homeostat::proxy {
namespace {

TEST(Buffers, HoldWhatWasAppendedUntilItIsConsumed) {
  BufferPool pool;
  Buffer buffer = pool.lend(8);
  buffer.append("abcdef");
  buffer.consume(4);
  EXPECT_EQ(buffer.view(), "ef");
  EXPECT_EQ(buffer.space().size(), 2U);
  buffer.compact();
  EXPECT_EQ(buffer.view(), "ef");
  EXPECT_EQ(buffer.space().size(), 6U);
  buffer.append("ghijkl");
  EXPECT_EQ(buffer.view(), "efghijkl");
  EXPECT_TRUE(buffer.space().empty());
}

TEST(Buffers, MovingLeavesAnEmptyOne) {
  BufferPool pool;
  Buffer from = pool.lend_head();
  from.append("text");
  Buffer to = std::move(from);
  EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(to.view(), "text");
  to = pool.lend_head();
  EXPECT_TRUE(to.empty());
}

TEST(Buffers, BlocksAreUsedAgain) {
  BufferPool pool;
  const char* block = nullptr;
  {
    Buffer buffer = pool.lend_body();
    block = buffer.space().data();
  }
  Buffer again = pool.lend_body();
  EXPECT_EQ(again.space().data(), block);
  EXPECT_TRUE(again.empty());
}

struct Owner final : StreamOwner {
  explicit Owner(boost::asio::io_context& context) : stream(*this, context.get_executor()) {}
  void on_readable() override {}
  void on_writable() override {}
  Stream stream;
};

class Output : public testing::Test {
 protected:
  Output() {
    int pair[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    owner->stream.assign(pair[0], AF_UNIX);
    peer = pair[1];
    ::fcntl(peer, F_SETFL, O_NONBLOCK);
  }
  ~Output() override { ::close(peer); }
  std::string received() {
    std::string all;
    char block[4096];
    for (ssize_t count = 0; (count = ::read(peer, block, sizeof block)) > 0;) {
      all.append(block, static_cast<std::size_t>(count));
    }
    return all;
  }
  boost::asio::io_context context;
  Ref<Owner> owner = make_ref<Owner>(context);
  int peer = -1;
};

TEST_F(Output, GathersPiecesInOrder) {
  Outgoing out;
  out.add("one ");
  out.add("");
  out.add("two ");
  out.add("three");
  EXPECT_EQ(out.room(), Outgoing::pieces_max - 3);
  EXPECT_EQ(out.flush(owner->stream), IoStatus::ok);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(out.written(), 13U);
  EXPECT_EQ(received(), "one two three");
}

TEST_F(Output, GoesOnWhereTheSocketStopped) {
  Outgoing out;
  std::vector<std::string> pieces;
  std::string expected;
  for (std::size_t i = 0; i < Outgoing::pieces_max; ++i) {
    pieces.push_back(std::string(40'000 + i * 7, static_cast<char>('a' + i % 26)));
    expected += pieces.back();
  }
  for (const std::string& piece : pieces) out.add(piece);
  EXPECT_TRUE(out.full());
  std::string all;
  int blocked = 0;
  for (;;) {
    const IoStatus status = out.flush(owner->stream);
    all += received();
    if (status == IoStatus::ok) break;
    ASSERT_EQ(status, IoStatus::would_block);
    ++blocked;
  }
  EXPECT_GT(blocked, 0);
  EXPECT_TRUE(all == expected);
  EXPECT_EQ(out.written(), expected.size());
}

TEST_F(Output, APeerThatIsGoneIsAnError) {
  ::close(std::exchange(peer, ::dup(0)));
  Outgoing out;
  out.add("lost");
  EXPECT_EQ(out.flush(owner->stream), IoStatus::error);
}

}  // namespace
}  // namespace homeostat::proxy
