#include "runtime/redis/reply.hpp"

#include <gtest/gtest.h>

#include "runtime/redis/command.hpp"
#include "runtime/redis/slot.hpp"

namespace homeostat::redis {
namespace {

using Type = Reply::Type;

TEST(Reply, EveryTypeIsReadWhereverTheBytesAreCut) {
  const std::string wire =
      "+OK\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n-ERR no such thing\r\n"
      "*3\r\n$1\r\nx\r\n*2\r\n:1\r\n:2\r\n*-1\r\n*0\r\n";
  for (std::size_t step : {std::size_t{1}, std::size_t{3}, wire.size()}) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    for (std::size_t at = 0; at < wire.size(); at += step) {
      reader.feed(std::string_view(wire).substr(at, step));
      while (auto reply = reader.next()) replies.push_back(std::move(*reply));
    }
    ASSERT_EQ(replies.size(), 7U) << reader.error();
    EXPECT_TRUE(replies[0].is(Type::status));
    EXPECT_EQ(replies[1].integer, -42);
    EXPECT_EQ(replies[2].text, "a\r\nbc");
    EXPECT_TRUE(replies[3].is(Type::nil));
    EXPECT_TRUE(replies[4].is_error("ERR"));
    EXPECT_FALSE(replies[4].is_error("ER"));
    ASSERT_EQ(replies[5].elements.size(), 3U);
    EXPECT_EQ(replies[5].elements[0].text, "x");
    EXPECT_EQ(replies[5].elements[1].elements[1].integer, 2);
    EXPECT_TRUE(replies[5].elements[2].is(Type::nil));
    EXPECT_TRUE(replies[6].is(Type::array));
  }
}

TEST(Reply, WhatIsNoRedisBreaksTheReaderForGood) {
  ReplyReader reader({});
  reader.feed("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.broken());
  reader.feed("+OK\r\n");
  EXPECT_FALSE(reader.next());
}

TEST(Reply, ALieAboutTheNumberOfElementsCostsNothing) {
  ReplyReader reader({.bytes_max = 1024, .elements_max = 100});
  reader.feed("*2147483647\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.broken());
}

TEST(Reply, NestedArraysShareOneBound) {
  ReplyReader reader({.bytes_max = 1024, .elements_max = 5});
  reader.feed("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.broken());
}

TEST(Reply, AReplyThatNeverEndsIsGivenUp) {
  ReplyReader reader({.bytes_max = 1024, .elements_max = 5});
  reader.feed("$1000000000\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
  for (int i = 0; i < 12; ++i) {
    reader.feed(std::string(100, 'x'));
    EXPECT_FALSE(reader.next());
  }
  EXPECT_TRUE(reader.broken());
}

TEST(Reply, ManyReplyTextsTogetherAreBounded) {
  ReplyReader reader({.bytes_max = 10, .elements_max = 5});
  reader.feed("*3\r\n$5\r\naaaaa\r\n$5\r\nbbbbb\r\n$1\r\nc\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.broken());
  ReplyReader separate({.bytes_max = 10, .elements_max = 5});
  separate.feed("$9\r\naaaaaaaaa\r\n$9\r\nbbbbbbbbb\r\n");
  EXPECT_TRUE(separate.next());
  EXPECT_TRUE(separate.next());
}

TEST(Command, ArgumentsMayHoldAnyBytes) {
  const std::string_view value("a\0\r\n", 4);
  EXPECT_EQ(make_command({"SET", "", value}),
            std::string("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n", 29));
}

TEST(Slot, FollowsTheSpecification) {
  // Values of CLUSTER KEYSLOT.
  EXPECT_EQ(slot_of("123456789"), 12739);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of(""), 0);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{bar"), slot_of("foo{bar"));
}

}  // namespace
}  // namespace homeostat::redis
