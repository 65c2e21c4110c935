#include "runtime/alert/alert_book.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/alert/backoff.hpp"
#include "runtime/alert/utf8_text.hpp"

namespace homeostat::alert {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

Alert alert(const std::string& name, rules::Severity severity = rules::Severity::warning) {
  return {name, severity, "GET /a", "summary", "description", false};
}

class Book : public ::testing::Test {
 protected:
  AlertBook& book(std::size_t queue_max = 8, std::size_t alerts_max = 16) {
    AlertTiming timing;
    timing.alerts_max = alerts_max;
    book_.emplace(timing, queue_max, std::vector<bool>{true, false});
    return *book_;
  }
  Moment after(Duration duration) const {
    return {start.steady + duration,
            start.wall + std::chrono::duration_cast<WallTime::duration>(duration)};
  }
  std::vector<std::string> drain(std::size_t target = 0) {
    std::vector<std::string> names;
    for (;;) {
      const auto messages = book_->take(target, 100);
      if (messages.empty()) return names;
      for (const AlertMessage& message : messages) {
        names.push_back((message.kind == MessageKind::repeat ? "again " : "") +
                        message.alert->name + (message.ends_at ? " resolved" : " firing"));
      }
      book_->delivered(target);
    }
  }

  using Names = std::vector<std::string>;
  Moment start{Instant{1h}, WallTime{24h * 365}};
  std::optional<AlertBook> book_;
};

TEST_F(Book, FiringTwiceIsToldOnce) {
  AlertBook& book = this->book();
  EXPECT_EQ(book.fire(alert("A"), start.wall, start), BookChange::fired);
  EXPECT_EQ(book.fire(alert("A"), start.wall, after(1s)), BookChange::none);
  EXPECT_EQ(book.firing(), 1U);
  EXPECT_EQ(drain(), Names{"A firing"});
  EXPECT_EQ(drain(1), Names{"A firing"});
}

TEST_F(Book, ResolvingWhatDoesNotFireIsNothing) {
  AlertBook& book = this->book();
  EXPECT_EQ(book.resolve(alert("A"), start.wall, start), BookChange::none);
  EXPECT_TRUE(drain().empty());
}

TEST_F(Book, RepeatsWhileFiringEveryResend) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  drain();
  EXPECT_EQ(book.next_due(), start.steady + 60s);
  book.tick(start.steady + 59s);
  EXPECT_TRUE(drain().empty());
  book.tick(start.steady + 60s);
  EXPECT_EQ(drain(), Names{"again A firing"});
  EXPECT_EQ(book.next_due(), start.steady + 120s);
}

TEST_F(Book, RefreshedTextsAppearInTheNextRepeat) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  drain();
  Alert newer = alert("A");
  newer.description = "worse";
  book.fire(newer, start.wall, after(1s));
  book.tick(start.steady + 60s);
  EXPECT_EQ(book.take(0, 1).at(0).alert->description, "worse");
}

TEST_F(Book, ResolvedIsRepeatedToAlertmanagerForItsRetentionThenForgotten) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  book.resolve(alert("A"), after(10s).wall, after(10s));
  EXPECT_EQ(drain(0), (Names{"A firing", "A resolved"}));
  EXPECT_EQ(drain(1), (Names{"A firing", "A resolved"}));
  int repeats = 0;
  for (int minute = 1; minute <= 20; ++minute) {
    book.tick(start.steady + 10s + minute * 1min);
    const auto told = drain(0);
    repeats += static_cast<int>(told.size());
    EXPECT_TRUE(drain(1).empty()) << "webhooks get a resolution once";
  }
  EXPECT_EQ(repeats, 14);
  EXPECT_FALSE(book.next_due()) << "forgotten";
}

TEST_F(Book, UndeliveredResolutionOutlivesTheRetention) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  book.resolve(alert("A"), start.wall, start);
  for (int minute = 1; minute <= 60; ++minute) book.tick(start.steady + minute * 1min);
  EXPECT_EQ(drain(0), (Names{"A firing", "A resolved"}));
}

TEST_F(Book, AnotherSeverityResolvesTheOldLabelSet) {
  AlertBook& book = this->book();
  book.fire(alert("A", rules::Severity::warning), start.wall, start);
  EXPECT_EQ(book.fire(alert("A", rules::Severity::critical), start.wall, after(5s)),
            BookChange::fired);
  EXPECT_EQ(book.firing(), 1U);
  EXPECT_EQ(drain(), (Names{"A firing", "A resolved", "A firing"}));
  // Whoever resolves need not know which severity was last.
  EXPECT_EQ(book.resolve(alert("A", rules::Severity::info), after(9s).wall, after(9s)),
            BookChange::resolved);
  EXPECT_EQ(book.firing(), 0U);
}

TEST_F(Book, TimesAreOnesThatAlertmanagerAccepts) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall + 1h, start);  // the wall clock was set back
  book.resolve(alert("A"), start.wall - 1h, after(1s));
  (void)book.take(0, 1);
  book.delivered(0);
  const auto end = book.take(0, 1).at(0);
  EXPECT_EQ(end.starts_at, start.wall);
  EXPECT_EQ(end.ends_at, start.wall) << "never before the start";
}

TEST_F(Book, TwoStatesOfOneAlertNeverShareACall) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  book.fire(alert("B"), start.wall, start);
  book.resolve(alert("A"), start.wall, start);
  EXPECT_EQ(book.take(0, 100).size(), 2U);
  EXPECT_TRUE(book.take(0, 100).empty()) << "one call in flight";
  book.delivered(0);
  EXPECT_EQ(book.take(0, 100).size(), 1U);
}

TEST_F(Book, FailedMessagesKeepTheirPlace) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  book.fire(alert("B"), start.wall, start);
  (void)book.take(0, 2);
  book.resolve(alert("A"), start.wall, start);
  book.failed(0);
  EXPECT_EQ(book.figures(0).failed, 1U);
  EXPECT_EQ(drain(), (Names{"A firing", "B firing", "A resolved"}));
  EXPECT_EQ(book.figures(0).sent, 3U);
}

TEST_F(Book, OverflowDropsTheOldestRepeatAndNoChange) {
  AlertBook& book = this->book(2, 16);
  for (const char* name : {"A", "B", "C"}) book.fire(alert(name), start.wall, start);
  drain();
  book.tick(start.steady + 60s);  // three repeats for a queue of two
  EXPECT_EQ(book.figures(0).dropped, 1U);
  book.fire(alert("D"), start.wall, after(61s));
  EXPECT_EQ(book.figures(0).dropped, 2U);
  EXPECT_EQ(drain(), (Names{"again C firing", "D firing"}));
}

TEST_F(Book, ChangesAreNeverDroppedForWantOfRoom) {
  AlertBook& book = this->book(2, 16);
  for (const char* name : {"A", "B", "C", "D"}) book.fire(alert(name), start.wall, start);
  for (const char* name : {"A", "B", "C", "D"}) book.resolve(alert(name), start.wall, start);
  EXPECT_EQ(drain().size(), 8U);
  EXPECT_EQ(book.figures(0).dropped, 0U);
}

TEST_F(Book, AChangeReplacesTheQueuedRepeatOfItsAlert) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  drain();
  book.tick(start.steady + 60s);
  book.resolve(alert("A"), after(61s).wall, after(61s));
  EXPECT_EQ(drain(), Names{"A resolved"});
}

TEST_F(Book, AFlappingAlertDoesNotFillTheQueueOfADeadTarget) {
  AlertBook& book = this->book();
  for (int i = 0; i < 1000; ++i) {
    book.fire(alert("A"), start.wall, start);
    book.resolve(alert("A"), start.wall, start);
    (void)book.take(0, 100);
    book.failed(0);
    EXPECT_LE(book.figures(0).queue_length, 2U);
  }
  EXPECT_GT(book.figures(0).superseded, 1000U);
  const auto told = drain();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), "A resolved") << "the last state is always told";
}

TEST_F(Book, KnowsABoundedNumberOfAlerts) {
  AlertBook& book = this->book(8, 2);
  EXPECT_EQ(book.fire(alert("A"), start.wall, start), BookChange::fired);
  EXPECT_EQ(book.fire(alert("B"), start.wall, start), BookChange::fired);
  EXPECT_EQ(book.fire(alert("C"), start.wall, start), BookChange::refused);
  EXPECT_EQ(book.refused(), 1U);
  book.resolve(alert("A"), start.wall, start);
  EXPECT_EQ(book.fire(alert("C"), start.wall, start), BookChange::refused) << "A is not told yet";
  drain(0);
  drain(1);
  EXPECT_EQ(book.fire(alert("C"), start.wall, start), BookChange::fired) << "A made room";
}

TEST_F(Book, RejectedMessagesAreGivenUp) {
  AlertBook& book = this->book();
  book.fire(alert("A"), start.wall, start);
  (void)book.take(0, 1);
  book.rejected(0);
  EXPECT_EQ(book.figures(0).dropped, 1U);
  EXPECT_EQ(book.figures(0).queue_length, 0U);
}

TEST_F(Book, TextsAreBoundedAndValid) {
  AlertBook& book = this->book();
  Alert odd = alert("A");
  odd.scope = std::string("GET /\xff\xfe/") + std::string(10000, 'x');
  book.fire(odd, start.wall, start);
  const auto told = book.take(0, 1).at(0).alert->scope;
  EXPECT_EQ(told.size(), 4096U);
  EXPECT_TRUE(told.starts_with(std::string("GET /??") + "/"));
}

TEST(BackoffTime, GrowsToItsCeilingWithJitter) {
  Backoff backoff(500ms, 60000ms, 7);
  for (int round = 0; round < 3; ++round) {
    for (int n = 1; n <= 30; ++n) {
      const auto wait = backoff.next();
      const auto ceiling = std::min<std::int64_t>(60000, 500LL << std::min(n, 20));
      EXPECT_GE(wait.count(), ceiling / 2) << n;
      EXPECT_LE(wait.count(), ceiling) << n;
      EXPECT_GE(wait, 500ms);
    }
    backoff.reset();
  }
}

TEST(BackoffTime, DiffersBetweenAgents) {
  Backoff one(500ms, 60000ms, 1), other(500ms, 60000ms, 2);
  int same = 0;
  for (int n = 0; n < 10; ++n) same += one.next() == other.next() ? 1 : 0;
  EXPECT_LT(same, 5);
}

TEST(Utf8Text, KeepsValidAndReplacesInvalid) {
  EXPECT_EQ(utf8_text("aé€😀", 100), "aé€😀");
  std::string replaced("..|...|....|..");
  std::replace(replaced.begin(), replaced.end(), '.', '?');
  EXPECT_EQ(utf8_text("\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82", 100), replaced);
  EXPECT_EQ(utf8_text("aé", 2), "a") << "not cut inside a character";
}

}  // namespace
}  // namespace homeostat::alert
