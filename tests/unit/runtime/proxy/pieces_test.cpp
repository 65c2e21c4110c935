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
#include "runtime/proxy/upstream_target.hpp"

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

config::UpstreamSettings three_targets() {
  config::UpstreamSettings settings;
  for (std::uint16_t port = 1; port <= 3; ++port) {
    settings.targets.push_back({{"127.0.0.1", port, {}}, "host"});
  }
  return settings;
}

constexpr Instant start{std::chrono::hours(1)};
constexpr std::chrono::seconds ejection{5};

TEST(UpstreamChoice, TakesTheLeastBusyAndRotatesOnTies) {
  UpstreamSet set(three_targets());
  std::vector<int> chosen(3, 0);
  for (std::uint32_t turn = 0; turn < 30; ++turn) {
    ++chosen[set.choose(start, nullptr, turn).settings().address.port - 1U];
  }
  EXPECT_EQ(chosen, (std::vector<int>{10, 10, 10}));
  set.targets()[0]->request_started();
  set.targets()[2]->request_started();
  for (std::uint32_t turn = 0; turn < 5; ++turn) {
    EXPECT_EQ(&set.choose(start, nullptr, turn), set.targets()[1].get());
  }
}

TEST(UpstreamChoice, AvoidsTheOneThatJustFailed) {
  UpstreamSet set(three_targets());
  UpstreamTarget* failed = set.targets()[1].get();
  set.targets()[0]->request_started();
  set.targets()[2]->request_started();
  EXPECT_NE(&set.choose(start, failed, 1), failed);
}

TEST(UpstreamChoice, EjectsAfterConsecutiveFailuresOnly) {
  UpstreamSet set(three_targets());
  UpstreamTarget& target = *set.targets()[0];
  EXPECT_FALSE(target.note_failure(start, 3, ejection));
  EXPECT_FALSE(target.note_failure(start, 3, ejection));
  target.note_success();
  EXPECT_FALSE(target.note_failure(start, 3, ejection));
  EXPECT_FALSE(target.note_failure(start, 3, ejection));
  EXPECT_TRUE(target.note_failure(start, 3, ejection));
  EXPECT_FALSE(target.note_failure(start, 3, ejection)) << "reported once";
  EXPECT_FALSE(target.healthy(start + ejection - std::chrono::seconds(1)));
  EXPECT_TRUE(target.healthy(start + ejection));
}

TEST(UpstreamChoice, FailsOpenWhenAllAreUnhealthy) {
  UpstreamSet set(three_targets());
  for (const auto& target : set.targets()) target->set_active_health(false);
  EXPECT_FALSE(set.any_healthy(start));
  set.targets()[0]->request_started();
  set.targets()[1]->request_started();
  EXPECT_EQ(&set.choose(start, nullptr, 0), set.targets()[2].get());
  set.targets()[0]->set_active_health(true);
  EXPECT_EQ(&set.choose(start, nullptr, 0), set.targets()[0].get()) << "busy beats unhealthy";
}

TEST(UpstreamChoice, ConnectionsAreCountedUpToTheBound) {
  UpstreamSet set(three_targets());
  UpstreamTarget& target = *set.targets()[0];
  EXPECT_TRUE(target.take_connection(2));
  EXPECT_TRUE(target.take_connection(2));
  EXPECT_FALSE(target.take_connection(2));
  target.drop_connection();
  EXPECT_TRUE(target.take_connection(2));
}

TEST(UpstreamChoice, AnAddressThatCannotBeUsedIsNamed) {
  config::UpstreamSettings settings;
  settings.targets.push_back({{{}, 0, std::string(200, 'x')}, "host"});
  EXPECT_THROW(UpstreamSet{settings}, std::runtime_error);
  EXPECT_THROW(UpstreamSet{config::UpstreamSettings{}}, std::runtime_error);
}

}  // namespace
}  // namespace homeostat::proxy
