// A name whose server is silent keeps nobody waiting.
#include "runtime/proxy/name_lookup.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "tests/support/waiting.hpp"

namespace homeostat::proxy {
namespace {

/// DNS whose answers for `silent` wait for the test. Outlives the lookups that are out.
struct Names {
  std::atomic<int> asked{0};
  test::Signal go_on;
  std::vector<SocketAddress> answer(const config::Address& address, std::string& error) {
    ++asked;
    if (address.host == "silent") go_on.wait();
    if (address.host == "unknown") {
      error = "no such name";
      return {};
    }
    return {SocketAddress{}};
  }
};

struct Bench {
  NameLookup::Resolve resolve() {
    return [names = names](const config::Address& address, std::string& error) {
      return names->answer(address, error);
    };
  }
  NameLookup::Found count(const std::string& host) {
    return [this, host](const std::vector<SocketAddress>& addresses, const std::string& error) {
      found[host] += addresses.size();
      errors += error;
    };
  }
  void look_up(NameLookup& lookup, const std::string& host) {
    lookup.look_up({host, 80, {}}, count(host));
  }

  boost::asio::io_context context;
  std::shared_ptr<Names> names = std::make_shared<Names>();
  std::map<std::string, std::size_t> found;
  std::string errors;
};

TEST(NameLookup, TellsWhatItFoundOrWhyNot) {
  Bench bench;
  NameLookup lookup(bench.context, bench.resolve());
  bench.look_up(lookup, "known");
  bench.look_up(lookup, "unknown");
  bench.context.run();
  EXPECT_EQ(bench.found["known"], 1U);
  EXPECT_EQ(bench.found["unknown"], 0U);
  EXPECT_EQ(bench.errors, "no such name");
}

TEST(NameLookup, ASilentNameHoldsUpNoOther) {
  Bench bench;
  NameLookup lookup(bench.context, bench.resolve());
  bench.look_up(lookup, "silent");
  bench.look_up(lookup, "known");
  while (bench.found["known"] == 0) ASSERT_EQ(bench.context.run_one(), 1U);
  EXPECT_EQ(bench.found["silent"], 0U);
  bench.names->go_on.set();
  bench.context.run();
  EXPECT_EQ(bench.found["silent"], 1U);
}

TEST(NameLookup, ANameIsAskedForOnceAtATimeHoweverOftenSomebodyAsks) {
  Bench bench;
  NameLookup lookup(bench.context, bench.resolve());
  for (int i = 0; i < 100; ++i) bench.look_up(lookup, "silent");
  bench.names->go_on.set();
  bench.context.run();
  EXPECT_EQ(bench.names->asked, 1);
  EXPECT_EQ(bench.found["silent"], 100U) << "and all hear of it";
  bench.look_up(lookup, "silent");
  bench.context.restart();
  bench.context.run();
  EXPECT_EQ(bench.names->asked, 2);
}

TEST(NameLookup, EndsWithoutWaitingForALookupThatIsOut) {
  Bench bench;
  {
    NameLookup lookup(bench.context, bench.resolve());
    bench.look_up(lookup, "silent");
    ASSERT_TRUE(test::eventually([&] { return bench.names->asked == 1; }));
  }
  EXPECT_EQ(bench.context.run(), 0U) << "nothing keeps the loop";
  bench.names->go_on.set();
  EXPECT_EQ(bench.found["silent"], 0U);
}

}  // namespace
}  // namespace homeostat::proxy
