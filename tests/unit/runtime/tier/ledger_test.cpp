#include "runtime/tier/ledger.hpp"

#include <gtest/gtest.h>

#include "runtime/tier/invalidation.hpp"

namespace homeostat::tier {
namespace {

using namespace std::chrono_literals;

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    ledger_.begin(7, 1);
    ledger_.confirm(now_);
    tags_.add(cache::TagKind::tag, "books");
  }

  static Names tag(std::string_view name) {
    Names names;
    names.add_tag(cache::tag_identity(cache::TagKind::tag, name));
    return names;
  }
  static Names pattern(std::string_view text) {
    Names names;
    names.add_pattern(text);
    return names;
  }
  [[nodiscard]] bool usable(std::uint64_t since, std::uint64_t epoch = 7) const {
    return ledger_.usable({tags_, "hs:k:de", "hs:k:", "/books/1", 4711}, {epoch, since});
  }

  Instant now_{1h};
  Ledger ledger_;
  cache::TagSet tags_;
};

TEST_F(LedgerTest, AnEntryIsDeadIfWhatNamesItCameAfterItsFetchBegan) {
  EXPECT_TRUE(usable(0));
  ledger_.record(tag("books"), 1);
  ledger_.record(tag("films"), 2);
  EXPECT_FALSE(usable(0));
  EXPECT_TRUE(usable(1));
  EXPECT_EQ(ledger_.position(), (LogPosition{7, 2}));
}

TEST_F(LedgerTest, EveryKindOfNameCounts) {
  Names names;
  names.add_key("hs:k:de");
  ledger_.record(names, 1);
  EXPECT_FALSE(usable(0));
  names = {};
  names.add_key("hs:k:");
  ledger_.record(names, 2);
  EXPECT_FALSE(usable(1));
  names = {};
  names.add_location(4711);
  ledger_.record(names, 3);
  EXPECT_FALSE(usable(2));
  ledger_.record(pattern("/books/*"), 4);
  EXPECT_FALSE(usable(3));
  ledger_.record(pattern("hs:k*"), 5);
  EXPECT_FALSE(usable(4));
  ledger_.record(pattern("/films/*"), 6);
  EXPECT_TRUE(usable(5));
  ledger_.record(pattern("*"), 7);
  EXPECT_FALSE(usable(6));
  EXPECT_TRUE(usable(7));
}

TEST_F(LedgerTest, AnOwnInvalidationCountsBeforeItHasANumber) {
  ledger_.expect(tag("books"));
  EXPECT_FALSE(usable(0));
  EXPECT_FALSE(usable(1000)) << "another agent may be ahead, and yet not know of it";
  ledger_.settle(tag("books"), 5);
  EXPECT_FALSE(usable(4));
  EXPECT_TRUE(usable(5));
}

TEST_F(LedgerTest, TwoExpectedOnesBothHaveToBeSettled) {
  ledger_.expect(pattern("/books/*"));
  ledger_.expect(pattern("/books/*"));
  ledger_.settle(pattern("/books/*"), 1);
  EXPECT_FALSE(usable(9));
  ledger_.settle(pattern("/books/*"), 2);
  EXPECT_TRUE(usable(2));
}

TEST_F(LedgerTest, NothingIsTrustedWithoutNewsFromTheLog) {
  EXPECT_TRUE(ledger_.trusted(now_ + Ledger::trust_max));
  EXPECT_FALSE(ledger_.trusted(now_ + Ledger::trust_max + 1ms));
  EXPECT_FALSE(ledger_.stamp(now_ + Ledger::trust_max + 1ms));
  ledger_.confirm(now_ + 10s);
  EXPECT_TRUE(ledger_.trusted(now_ + 11s));
  EXPECT_EQ(ledger_.stamp(now_ + 11s), (LogPosition{7, 0}));
  const Ledger unused;
  EXPECT_FALSE(unused.trusted(now_));
}

TEST_F(LedgerTest, AnotherLogOrAGapKillsWhatIsOlder) {
  EXPECT_FALSE(usable(5, 8)) << "of another log";
  ledger_.restart({9, 100});
  EXPECT_FALSE(usable(100, 7));
  EXPECT_FALSE(usable(99, 9));
  EXPECT_TRUE(usable(100, 9));
}

TEST_F(LedgerTest, WhatIsExpectedSurvivesTheLossOfTheLog) {
  ledger_.expect(tag("books"));
  ledger_.restart({9, 100});
  EXPECT_FALSE(usable(100, 9));
  ledger_.settle(tag("books"), 101);
  EXPECT_TRUE(usable(101, 9));
  EXPECT_FALSE(usable(100, 9));
}

TEST_F(LedgerTest, BeginningLateMeansNotKnowingWhatWasDropped) {
  Ledger late;
  late.begin(7, 50);
  late.confirm(now_);
  EXPECT_FALSE(late.usable({tags_, "k", "k", "/", 1}, {7, 48}));
  EXPECT_TRUE(late.usable({tags_, "k", "k", "/", 1}, {7, 49}));
}

TEST_F(LedgerTest, OwnEntriesMoveThePositionOnlyIfTheyFollow) {
  ledger_.applied(2, 3);
  EXPECT_EQ(ledger_.position().number, 0U) << "1 is somebody else's, and not known yet";
  ledger_.applied(1, 2);
  EXPECT_EQ(ledger_.position().number, 2U);
}

TEST_F(LedgerTest, SaysFromWhichNumberOnASubjectIsAlive) {
  const Subject subject{tags_, "hs:k:de", "hs:k:", "/books/1", 4711};
  EXPECT_EQ(ledger_.alive_from(subject), 0U);
  ledger_.record(tag("books"), 1);
  ledger_.record(pattern("/books/*"), 2);
  ledger_.record(tag("films"), 3);
  ledger_.record(pattern("/films/*"), 4);
  EXPECT_EQ(ledger_.alive_from(subject), 2U);
  ledger_.record(pattern("*"), 5);
  EXPECT_EQ(ledger_.alive_from(subject), 5U);
  ledger_.expect(pattern("hs:k:*"));
  EXPECT_FALSE(ledger_.alive_from(subject)) << "it may get any number";
  ledger_.settle(pattern("hs:k:*"), 6);
  EXPECT_EQ(ledger_.alive_from(subject), 6U);
  EXPECT_FALSE(Ledger().alive_from(subject));
}

TEST_F(LedgerTest, IsBoundedAndForgetsOnTheSafeSide) {
  for (std::uint64_t i = 1; i <= Ledger::marks_max + 1; ++i) {
    ledger_.record(tag("t" + std::to_string(i)), i);
  }
  EXPECT_LE(ledger_.size(), Ledger::marks_max);
  EXPECT_FALSE(usable(1)) << "older than what is remembered";
  EXPECT_TRUE(usable(Ledger::marks_max));
  for (std::uint64_t i = 1; i <= Ledger::patterns_max + 1; ++i) {
    ledger_.record(pattern("/p" + std::to_string(i)), Ledger::marks_max + 1 + i);
  }
  EXPECT_FALSE(usable(Ledger::marks_max + 2));
}

TEST_F(LedgerTest, OneInvalidationOfEverythingStandsForWhatWasExpected) {
  ledger_.expect(tag("films"));
  ledger_.expect_only_everything();
  EXPECT_FALSE(usable(1000));
  ledger_.settle(pattern("*"), 9);
  EXPECT_FALSE(usable(8));
  EXPECT_TRUE(usable(9));
}

TEST(Invalidation, TravelsAsText) {
  Invalidation invalidation;
  invalidation.agent = "a1";
  invalidation.identities = {"tbooks", "gexample.com news"};
  invalidation.patterns = {"/a/*", "100%\nodd"};
  invalidation.keys = {"http://example.com/a?b=%20c", ""};
  invalidation.soft = true;
  const Invalidation read = parse_invalidation(to_text(invalidation));
  EXPECT_EQ(read.agent, "a1");
  EXPECT_EQ(read.identities, invalidation.identities);
  EXPECT_EQ(read.patterns, invalidation.patterns);
  EXPECT_EQ(read.keys, invalidation.keys);
  EXPECT_TRUE(read.soft);
}

TEST(Invalidation, SkipsWhatALaterVersionMayAdd) {
  const Invalidation read = parse_invalidation("Ax\nZfuture\nItbooks\nPbroken%2");
  EXPECT_EQ(read.identities, std::vector<std::string>{"tbooks"});
  EXPECT_EQ(read.patterns, std::vector<std::string>{"broken%"});
}

}  // namespace
}  // namespace homeostat::tier
