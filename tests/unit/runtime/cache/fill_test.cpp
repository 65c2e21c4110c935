// Request collapsing within one thread: states and bytes.
#include "fill_fixture.hpp"

namespace homeostat::cache {
namespace {

using std::chrono::seconds;
using testing::FillTest;
using testing::fresh;
using testing::pattern;
using testing::read_all;
using testing::TestRequest;

TEST_F(FillTest, FollowersStreamWhatTheLeaderAppendsAndTheObjectIsStored) {
  FillLeader leader = lead();
  FillReader own = leader.reader();
  FillReader follower = follow();
  EXPECT_EQ(follower.state(), FillState::waiting);
  EXPECT_EQ(follower.head(), nullptr);
  EXPECT_TRUE(publish(leader));
  ASSERT_NE(follower.head(), nullptr);
  EXPECT_EQ(follower.head()->status, 200);
  leader.append("first ", now());
  EXPECT_EQ(read_all(follower), "first ");
  leader.append("second", now());
  FillReader late = follow();
  EXPECT_EQ(leader.complete(now()), Reason::none);
  EXPECT_EQ(read_all(follower), "second");
  EXPECT_TRUE(follower.finished());
  EXPECT_EQ(read_all(late), "first second");
  EXPECT_EQ(read_all(own), "first second");
  EXPECT_EQ(testing::body_of(*harness_.find({}).object), "first second");
  EXPECT_EQ(harness_.cache.figures().collapsed, 2U);
}

TEST_F(FillTest, ASlowOlderFetchDoesNotReplaceWhatOvertookIt) {
  const auto dated = [&] {
    testing::FieldList fields = fresh();
    fields.emplace_back("Date", testing::http_date(harness_.clock.wall_now()));
    return fields;
  };
  FillLeader slow = lead();
  publish(slow, std::nullopt, dated());
  harness_.clock.advance(seconds(2));
  request_.fields = {{"Cache-Control", "no-cache"}};
  FillLeader quick = lead();
  publish(quick, std::nullopt, dated());
  quick.append("new", now());
  EXPECT_EQ(quick.complete(now()), Reason::none);
  slow.append("old", now());
  EXPECT_EQ(slow.complete(now()), Reason::invalidated);
  EXPECT_EQ(testing::body_of(*harness_.find({}).object), "new");
  // One that began later replaces it, whatever its date says.
  harness_.clock.advance(seconds(1));
  FillLeader later = lead();
  publish(later, std::nullopt, fresh());
  later.append("later", now());
  EXPECT_EQ(later.complete(now()), Reason::none);
  EXPECT_EQ(testing::body_of(*harness_.find({}).object), "later");
}

TEST_F(FillTest, CredentialsDoNotEndTheSharingOfOthers) {
  TestRequest secret;
  secret.fields = {{"Authorization", "Bearer x"}};
  EXPECT_EQ(harness_.get(secret, {200, fresh(), "secret"}).reason, Reason::authorization);
  FillLeader leader = lead();
  EXPECT_TRUE(publish(leader));
  leader.append("page", now());
  EXPECT_EQ(leader.complete(now()), Reason::none);
  EXPECT_EQ(found(), Lookup::Kind::hit);
}

TEST_F(FillTest, BodiesOfAllSizesArriveWhole) {
  for (const std::size_t size : {0U, 1U, 8191U, 8192U, 8193U, 70000U, 300000U}) {
    for (const bool known : {false, true}) {
      const std::string path = "/" + std::to_string(size) + (known ? "k" : "u");
      const std::string body = pattern(size);
      FillLeader leader = lead(path);
      publish(leader, known ? std::optional<std::uint64_t>(size) : std::nullopt);
      FillReader reader = leader.reader();
      // Both ways of writing: into the fill's memory, and by copy.
      std::size_t sent = 0;
      while (sent < size / 2) {
        const std::span<char> room = leader.prepare();
        const std::size_t count = std::min({room.size(), size / 2 - sent, std::size_t{5000}});
        body.copy(room.data(), count, sent);
        leader.commit(count, now());
        sent += count;
      }
      leader.append(std::string_view(body).substr(sent), now());
      EXPECT_EQ(leader.complete(now()), Reason::none) << path;
      EXPECT_EQ(read_all(reader), body) << path;
      TestRequest again;
      again.path = path;
      EXPECT_EQ(testing::body_of(*harness_.find(again).object), body) << path;
    }
  }
}

TEST_F(FillTest, SmallBodiesOfUnknownLengthDoNotKeepBigBlocks) {
  FillLeader leader = lead();
  publish(leader);
  leader.append("tiny", now());
  leader.complete(now());
  EXPECT_LT(harness_.find({}).object->memory(), 1024U);
}

TEST_F(FillTest, TruncatedBodyFailsAndIsNotStored) {
  FillLeader leader = lead();
  FillReader follower = follow();
  publish(leader, 10);
  leader.append("12345", now());
  EXPECT_EQ(leader.complete(now()), Reason::truncated);
  EXPECT_EQ(read_all(follower), "12345");
  EXPECT_EQ(follower.state(), FillState::failed);
  EXPECT_FALSE(follower.finished());
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

TEST_F(FillTest, MoreThanAnnouncedFails) {
  FillLeader leader = lead();
  publish(leader, 4);
  EXPECT_EQ(leader.prepare().size(), 4U);
  leader.append("12345", now());
  EXPECT_TRUE(leader.done());
  EXPECT_EQ(found(), Lookup::Kind::miss);
}

TEST_F(FillTest, LostLeaderFailsItsFollowersAndTheNextRequestLeads) {
  std::optional<FillLeader> leader(lead());
  FillReader follower = follow();
  leader.reset();
  EXPECT_EQ(follower.state(), FillState::failed);
  EXPECT_EQ(follower.reason(), Reason::upstream_failed);
  lead();
}

TEST_F(FillTest, UncacheableSendsFollowersAway) {
  FillLeader leader = lead();
  FillReader follower = follow();
  leader.uncacheable(Reason::set_cookie, now());
  EXPECT_EQ(follower.state(), FillState::uncacheable);
  EXPECT_EQ(follower.reason(), Reason::set_cookie);
  TestRequest next;
  EXPECT_EQ(harness_.begin(next).kind, FillStart::Kind::pass);
}

TEST_F(FillTest, AnswerThatMayNotBeStoredEndsTheStaleOneButAnErrorDoesNot) {
  for (const Reason reason : {Reason::status, Reason::no_store}) {
    harness_.clock.advance(seconds(5));
    harness_.get({}, {200, fresh(1)});
    harness_.clock.advance(seconds(2));
    FillLeader leader = lead();
    ASSERT_TRUE(leader.stale());
    leader.uncacheable(reason, now());
    EXPECT_EQ(found(), reason == Reason::status ? Lookup::Kind::stale : Lookup::Kind::miss);
  }
}

TEST_F(FillTest, LeavingReadersDoNotStopTheFill) {
  FillLeader leader = lead();
  { const FillReader gone = leader.reader(); }
  publish(leader);
  leader.append("text", now());
  EXPECT_EQ(leader.complete(now()), Reason::none);
  EXPECT_EQ(found(), Lookup::Kind::hit);
}

TEST_F(FillTest, FollowerOfAnotherVariantIsToldSo) {
  request_.fields = {{"Accept-Language", "de"}};
  FillLeader leader = lead();
  TestRequest english;
  english.fields = {{"Accept-Language", "en"}};
  FillStart start = harness_.begin(english);
  ASSERT_EQ(start.kind, FillStart::Kind::follower);
  testing::FieldList fields = fresh();
  fields.emplace_back("Vary", "Accept-Language");
  publish(leader, std::nullopt, fields);
  EXPECT_FALSE(start.follower->accepts(english.parsed));
  EXPECT_TRUE(start.follower->accepts(request_.parsed));
  // It asks again and leads a fill of its own.
  FillStart again = harness_.begin(english);
  EXPECT_EQ(again.kind, FillStart::Kind::leader);
}

TEST_F(FillTest, WaitCallsBackOncePerNewsOnTheReadersExecutor) {
  FillLeader leader = lead();
  FillReader reader = leader.reader();
  int calls = 0;
  reader.wait(io_.get_executor(), [&] { ++calls; });
  io_.poll();
  EXPECT_EQ(calls, 0);
  publish(leader);
  EXPECT_EQ(calls, 0);  // posted, never called inside
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 1);
  leader.append("x", now());
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 1);                                // nobody waits
  reader.wait(io_.get_executor(), [&] { ++calls; });  // but there is news
  io_.restart();
  io_.poll();
  EXPECT_EQ(calls, 2);
}

TEST_F(FillTest, CancelledAndDestroyedWaitsNeverCallBack) {
  FillLeader leader = lead();
  FillReader cancelled = leader.reader();
  std::optional<FillReader> destroyed(leader.reader());
  bool called = false;
  cancelled.wait(io_.get_executor(), [&] { called = true; });
  destroyed->wait(io_.get_executor(), [&] { called = true; });
  publish(leader);  // both callbacks are posted now
  cancelled.cancel();
  destroyed.reset();
  io_.poll();
  EXPECT_FALSE(called);
}

TEST_F(FillTest, AFillIsOfItsOwnLookupsKeyWhateverWasLookedUpSince) {
  TestRequest one, other;
  one.path = "/one";
  other.path = "/other";
  const Request view = one.view();
  const RequestDecision decision = harness_.cache.rules().decide(view);
  for (const bool in_between : {true, false}) {
    const Lookup looked_up = harness_.worker.lookup(view, decision, now());
    ASSERT_EQ(looked_up.kind, Lookup::Kind::miss);
    if (in_between) {
      EXPECT_EQ(harness_.find(other).kind, Lookup::Kind::miss);
    }
    FillStart start = harness_.worker.begin_fill(view, decision, looked_up, now());
    ASSERT_EQ(start.kind, FillStart::Kind::leader);
    start.leader->publish_head(harness_.judge(one, {200, fresh()}), std::nullopt, *view.fields,
                               now());
    EXPECT_EQ(start.leader->complete(now()), Reason::none);
    EXPECT_EQ(found("/one"), Lookup::Kind::hit);
    EXPECT_EQ(found("/other"), Lookup::Kind::miss);
    PurgeRequest all;
    all.patterns = {"*"};
    static_cast<void>(harness_.cache.purge(all));
  }
}

}  // namespace
}  // namespace homeostat::cache
