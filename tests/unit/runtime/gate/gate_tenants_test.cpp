// Tenants take turns: whoever asks for more waits longer, not the others.
#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <vector>

#include "tests/unit/runtime/gate/gate_fixture.hpp"

namespace homeostat::gate {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t greedy = 11, modest = 22;

class GateTenants : public GateFixture {
 protected:
  [[nodiscard]] Admission ask_for(std::uint64_t tenant, Client& client, EndpointId endpoint = 1,
                                  std::uint8_t priority_class = 2) {
    GateRequest request;
    request.endpoint = endpoint;
    request.priority_class = priority_class;
    request.now = clock.now();
    request.tenant = tenant;
    return gate->worker(0).admit(request, client);
  }
  static config::AdmissionSettings patient(double limit) {
    config::AdmissionSettings settings = with_limit(limit);
    settings.max_wait = hours(1);
    return settings;
  }
};

TEST_F(GateTenants, TheModestOneIsServedAfterOneRequestOfTheGreedyOne) {
  build(patient(1));
  teach_service(milliseconds(10));
  Permit busy = take();
  std::list<Client> many(20);
  for (Client& client : many) ASSERT_TRUE(queued(ask_for(greedy, client)));
  Client one;
  ASSERT_TRUE(queued(ask_for(modest, one)));
  int before = 0;
  busy.ignore();
  while (!one.permit) {
    const auto served =
        std::find_if(many.begin(), many.end(), [](Client& c) { return !!c.permit; });
    ASSERT_NE(served, many.end());
    ++before;
    served->permit.ignore();
    many.erase(served);
  }
  EXPECT_LE(before, 1);
}

TEST_F(GateTenants, OneTenantsRequestsKeepTheirOrder) {
  build(patient(1));
  teach_service(milliseconds(10));
  Permit busy = take();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<Client>());
    ASSERT_TRUE(queued(ask_for(i % 2 == 0 ? greedy : modest, *clients.back())));
  }
  busy.ignore();
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(clients[static_cast<std::size_t>(i)]->permit) << i;
    clients[static_cast<std::size_t>(i)]->permit.ignore();
  }
}

TEST_F(GateTenants, TimeIsSharedAndNotTheNumberOfRequests) {
  build(patient(1));
  teach_service(milliseconds(40), 1);
  teach_service(milliseconds(10), 2);
  Permit busy = take();
  std::list<Client> slow(40), quick(160);
  for (Client& client : slow) ASSERT_TRUE(queued(ask_for(greedy, client, 1)));
  for (Client& client : quick) ASSERT_TRUE(queued(ask_for(modest, client, 2)));
  busy.ignore();
  std::map<std::uint64_t, int> served;
  for (int i = 0; i < 100; ++i) {
    for (auto* clients : {&slow, &quick}) {
      for (Client& client : *clients) {
        if (!client.permit) continue;
        ++served[clients == &slow ? greedy : modest];
        client.permit.ignore();
        clients->remove_if([&](Client& other) { return &other == &client; });
        break;
      }
    }
  }
  const double slow_time = served[greedy] * 40.0, quick_time = served[modest] * 10.0;
  EXPECT_NEAR(slow_time / quick_time, 1, 0.2);
}

TEST_F(GateTenants, AFullQueueOfOneTenantHasRoomForAnother) {
  config::AdmissionSettings settings = patient(1);
  settings.queue_max = 4;
  build(settings);
  teach_service(milliseconds(10));
  const Permit busy = take();
  std::vector<std::unique_ptr<Client>> many;
  for (int i = 0; i < 4; ++i) {
    many.push_back(std::make_unique<Client>());
    ASSERT_TRUE(queued(ask_for(greedy, *many.back())));
  }
  Client more, one;
  EXPECT_TRUE(rejected_for(ask_for(greedy, more), RejectReason::queue_full));
  ASSERT_TRUE(queued(ask_for(modest, one)));
  EXPECT_EQ(gate->queue_length(), 4U);
  ASSERT_TRUE(many.back()->rejection) << "the newest of the greedy one";
  EXPECT_EQ(many.back()->rejection->reason, RejectReason::fair_share);
  EXPECT_FALSE(many.front()->rejection);
}

TEST_F(GateTenants, NobodyGivesWayToOneThatAsksForAsMuch) {
  config::AdmissionSettings settings = patient(1);
  settings.queue_max = 2;
  build(settings);
  teach_service(milliseconds(10));
  const Permit busy = take();
  Client first, second, third;
  ASSERT_TRUE(queued(ask_for(greedy, first)));
  ASSERT_TRUE(queued(ask_for(modest, second)));
  EXPECT_TRUE(rejected_for(ask_for(33, third), RejectReason::queue_full));
}

TEST_F(GateTenants, ThePredictedWaitIsThatOfTheTenantsOwnTurn) {
  build(with_limit(1));  // 100 ms
  teach_service(milliseconds(20));
  const Permit busy = take();
  std::list<Client> many;
  for (;;) {
    many.emplace_back();
    if (!queued(ask_for(greedy, many.back()))) break;
  }
  const std::size_t budget = gate->queue_length();
  EXPECT_GE(budget, 4U);
  Client one, two;
  EXPECT_TRUE(queued(ask_for(modest, one)));
  EXPECT_TRUE(queued(ask_for(modest, two)));
  EXPECT_EQ(gate->queue_length(), budget) << "as many of the greedy one went";
}

TEST_F(GateTenants, ABetterClassStillComesFirst) {
  build(patient(1));
  teach_service(milliseconds(10));
  Permit busy = take();
  Client normal, critical;
  ASSERT_TRUE(queued(ask_for(modest, normal, 1, 2)));
  ASSERT_TRUE(queued(ask_for(greedy, critical, 1, 0)));
  busy.ignore();
  EXPECT_TRUE(critical.permit);
  EXPECT_FALSE(normal.permit);
}

TEST_F(GateTenants, MoreTenantsThanPlacesAreAllServed) {
  build(patient(1));
  teach_service(milliseconds(1));
  Permit busy = take();
  std::mt19937_64 random(1);
  std::list<Client> clients(3 * WaitQueue::tenants_max);
  for (Client& client : clients) ASSERT_TRUE(queued(ask_for(1 + random() / 2, client)));
  busy.ignore();
  for (std::size_t turn = 0; turn < clients.size(); ++turn) {
    const auto served =
        std::find_if(clients.begin(), clients.end(), [](Client& c) { return !!c.permit; });
    ASSERT_NE(served, clients.end());
    served->permit.ignore();
  }
  EXPECT_EQ(gate->queue_length(), 0U);
  EXPECT_EQ(gate->in_flight(), 0U);
}

/// A closed world in virtual time: tenants ask at rates of their own, each
/// request takes 10 ms of one of `limit` servers.
class GateFairness : public GateTenants, public testing::WithParamInterface<unsigned> {
 protected:
  struct Running {
    Instant until;
    std::size_t tenant;
    std::unique_ptr<Client> client;
  };
  struct Tenant {
    double per_second;
    double asked = 0, served = 0;
  };

  void run(std::vector<Tenant>& tenants, double limit, unsigned seed) {
    build(with_limit(limit));
    teach_service(milliseconds(10));
    std::minstd_rand random(seed);
    std::vector<Running> running;
    std::list<std::pair<std::size_t, std::unique_ptr<Client>>> waiting;
    for (int step = 0; step < 20'000; ++step) {  // 1 ms each
      clock.advance(milliseconds(1));
      if (step % 100 == 0) (void)gate->collect(clock.now());
      gate->worker(0).expire(clock.now());
      for (std::size_t i = 0; i < running.size();) {
        if (running[i].until > clock.now()) {
          ++i;
          continue;
        }
        tenants[running[i].tenant].served += 1;
        running[i].client->permit.success(milliseconds(10));
        running[i] = std::move(running.back());
        running.pop_back();
      }
      for (std::size_t index = 0; index < tenants.size(); ++index) {
        const double mean = tenants[index].per_second / 1000;
        for (double chance = mean; chance > 0; chance -= 1) {
          if (std::uniform_real_distribution<>(0, 1)(random) >= chance) continue;
          tenants[index].asked += 1;
          auto client = std::make_unique<Client>();
          Admission answer = ask_for(100 + index, *client);
          if (auto* permit = std::get_if<Permit>(&answer)) {
            client->permit = std::move(*permit);
            running.push_back({clock.now() + milliseconds(10), index, std::move(client)});
          } else if (queued(answer)) {
            waiting.emplace_back(index, std::move(client));
          }
        }
      }
      for (auto it = waiting.begin(); it != waiting.end();) {
        if (it->second->permit) {
          running.push_back({clock.now() + milliseconds(10), it->first, std::move(it->second)});
          it = waiting.erase(it);
        } else if (it->second->rejection) {
          it = waiting.erase(it);
        } else {
          ++it;
        }
      }
    }
    waiting.clear();
    running.clear();
  }
};

TEST_P(GateFairness, OneTenantAtTenTimesTheCapacityCostsTheOthersNothing) {
  // 8 servers of 10 ms: 800 a second. The others ask for a quarter of that.
  std::vector<Tenant> tenants{{8000}, {50}, {50}, {50}, {50}};
  run(tenants, 8, GetParam());
  for (std::size_t index = 1; index < tenants.size(); ++index) {
    EXPECT_GE(tenants[index].served, 0.98 * tenants[index].asked) << index;
  }
  EXPECT_GE(tenants[0].served, 0.9 * (800 - 200) * 20) << "and it gets what is left";
}

TEST_P(GateFairness, EqualTenantsGetEqualShares) {
  std::vector<Tenant> tenants(6, Tenant{400});
  run(tenants, 8, GetParam());
  double sum = 0, squares = 0;
  for (const Tenant& tenant : tenants) {
    sum += tenant.served;
    squares += tenant.served * tenant.served;
  }
  const double jain = sum * sum / (static_cast<double>(tenants.size()) * squares);
  EXPECT_GE(jain, 0.99);
}

INSTANTIATE_TEST_SUITE_P(Seeds, GateFairness, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace homeostat::gate
