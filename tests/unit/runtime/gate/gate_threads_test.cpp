// Several workers on real threads hammer one gate. Every request must end in
// exactly one way, the limit must never be exceeded, and nobody may be left
// waiting: on a clock that stands still no wait expires and with max_wait of an
// hour no timer comes to the rescue, so a lost wake-up hangs the test.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "runtime/gate/gate.hpp"

namespace homeostat::gate {
namespace {

/// Many times what a busy machine with sanitizers needs: only a lost wake-up takes longer.
constexpr std::chrono::seconds patience{200};

struct Shared {
  std::atomic<int> upstream{0};  ///< counted by the requests themselves
  std::atomic<int> limit{1};     ///< highest limit that may be in force
  std::atomic<bool> exceeded{false};
  std::atomic<std::uint64_t> served{0}, rejected{0}, cancelled{0}, double_ends{0};
  std::atomic<int> running{0};
  std::promise<void> done;
};

struct Load {
  unsigned workers = 4;
  int parallel = 8;     ///< requests at a time, per worker
  int requests = 5000;  ///< in all, per worker
  bool cancels = true;  ///< a tenth of the waiting clients go away
  bool change_limit = false;
  std::uint32_t weight_max = 1;  ///< at most the limit
  unsigned spin = 1;             ///< up to this many idle turns before asking and before releasing
};

class Driver;

class Request : public GateWaiter {
 public:
  explicit Request(Driver& driver) : driver_(driver) {}
  void start();
  void on_admitted(Permit permit) override;
  void on_rejected(const Rejection& rejection) override;

 private:
  void finish();
  Driver& driver_;
  Permit permit_;
  std::uint32_t weight_ = 1;
};

/// One worker: an io_context, and requests that follow each other on it.
class Driver {
 public:
  Driver(Gate& gate, const Clock& time, unsigned index, Shared& all, const Load& load)
      : shared(all),
        clock(time),
        worker(gate.worker(index)),
        random(index + 1),
        cancels(load.cancels),
        spin(load.spin),
        weight_max(load.weight_max),
        left(load.requests) {
    worker.attach(context.get_executor());
  }
  void launch(int parallel) {
    for (int index = 0; index < parallel; ++index) {
      boost::asio::post(context, [this] { next(); });
    }
  }
  /// Shifts the workers against each other, so that arrivals meet releases.
  void idle() {
    for (auto turns = random() % spin; turns > 0; --turns) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }
  void next() {
    idle();
    if (left-- <= 0) {
      if (shared.running.fetch_sub(1) == 1) shared.done.set_value();
      return;
    }
    requests.push_back(std::make_unique<Request>(*this));
    requests.back()->start();
  }

  Shared& shared;
  const Clock& clock;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{
      context.get_executor()};
  WorkerGate& worker;
  std::minstd_rand random;
  bool cancels;
  unsigned spin;
  std::uint32_t weight_max;
  int left;
  std::vector<std::unique_ptr<Request>> requests;
};

void Request::start() {
  const auto rank = static_cast<std::uint8_t>(driver_.random() % 4);
  weight_ = 1 + static_cast<std::uint32_t>(driver_.random() % driver_.weight_max);
  Admission answer = driver_.worker.admit(
      {static_cast<EndpointId>(driver_.random() % 8), rank, driver_.clock.now(), {}, 0, weight_},
      *this);
  if (auto* permit = std::get_if<Permit>(&answer)) {
    on_admitted(std::move(*permit));
  } else if (const auto* rejection = std::get_if<Rejection>(&answer)) {
    on_rejected(*rejection);
  } else if (driver_.cancels && driver_.random() % 10 == 0) {
    boost::asio::post(driver_.context, [this] {  // the client goes away while waiting
      if (!waiting()) return;
      cancel();
      ++driver_.shared.cancelled;
      driver_.next();
    });
  }
}

void Request::on_admitted(Permit permit) {
  if (permit_) ++driver_.shared.double_ends;
  permit_ = std::move(permit);
  const auto slots = static_cast<int>(weight_);
  const int now_upstream = driver_.shared.upstream.fetch_add(slots) + slots;
  if (now_upstream > driver_.shared.limit.load()) driver_.shared.exceeded = true;
  boost::asio::post(driver_.context, [this] { finish(); });
}

void Request::on_rejected(const Rejection&) {
  ++driver_.shared.rejected;
  boost::asio::post(driver_.context, [this] { driver_.next(); });
}

void Request::finish() {
  driver_.idle();
  driver_.shared.upstream.fetch_sub(static_cast<int>(weight_));
  ++driver_.shared.served;
  const auto how = driver_.random() % 4;
  if (how == 0) {
    permit_.drop();
  } else if (how == 1) {
    permit_.ignore();
  } else {
    permit_.success(std::chrono::microseconds(driver_.random() % 1000));
  }
  driver_.next();
}

void hammer(const Clock& clock, const config::AdmissionSettings& settings, const Load& load) {
  Shared shared;
  shared.limit = static_cast<int>(settings.limit_initial);
  Gate gate(settings, load.workers, clock);
  std::vector<std::unique_ptr<Driver>> drivers;
  for (unsigned index = 0; index < load.workers; ++index) {
    drivers.push_back(std::make_unique<Driver>(gate, clock, index, shared, load));
    drivers.back()->launch(load.parallel);
  }
  shared.running = static_cast<int>(load.workers) * load.parallel;
  std::vector<std::thread> threads;
  for (auto& driver : drivers) threads.emplace_back([&driver] { driver->context.run(); });

  std::future<void> done = shared.done.get_future();
  std::atomic<bool> stop{false};
  std::uint64_t window_samples = 0;
  std::thread collector([&] {  // the throttler's thread
    double limit = settings.limit_initial;
    while (!stop) {
      for (const auto& samples : gate.collect(clock.now()).window.endpoints) {
        window_samples += samples.count;
      }
      if (!load.change_limit) continue;
      limit = limit >= settings.limit_initial ? 1 : limit + 1;
      gate.apply({.limit = limit});
      std::this_thread::yield();
    }
  });
  const auto ended = done.wait_for(patience);
  stop = true;
  collector.join();
  gate.apply({});  // if a wake-up was lost, at least let the threads end
  for (auto& driver : drivers) {
    Driver& one = *driver;
    boost::asio::post(one.context, [&one] {
      one.worker.drain();
      one.guard.reset();
      one.context.stop();
    });
  }
  for (std::thread& thread : threads) thread.join();

  ASSERT_EQ(ended, std::future_status::ready) << "a waiter was forgotten";
  EXPECT_FALSE(shared.exceeded);
  EXPECT_EQ(shared.double_ends, 0U);
  EXPECT_EQ(gate.in_flight(), 0U);
  EXPECT_EQ(gate.queue_length(), 0U);
  const auto started = load.workers * static_cast<std::uint64_t>(load.requests);
  EXPECT_EQ(shared.served + shared.rejected + shared.cancelled, started);
  const GateTotals totals = gate.totals();
  EXPECT_EQ(totals.admitted_total(), shared.served);
  EXPECT_EQ(totals.rejected_total(), shared.rejected);
  EXPECT_EQ(totals.abandoned, shared.cancelled);
  (void)gate.collect(clock.now());
}

config::AdmissionSettings with_limit(double limit) {
  config::AdmissionSettings settings;
  settings.limit_initial = limit;
  settings.max_wait = std::chrono::hours(1);
  return settings;
}

TEST(GateThreads, NoPermitIsLostAndNoWaiterForgotten) {
  const ManualClock frozen;
  hammer(frozen, with_limit(3), {});
}

TEST(GateThreads, ASingleSlotIsPassedAroundAllWorkers) {
  const ManualClock frozen;
  hammer(frozen, with_limit(1), {.parallel = 2});
}

// With one request per worker nothing comes by later to repair a race between
// a release and an arrival: a single lost wake-up stops both for good.
TEST(GateThreads, TwoWorkersWithOneRequestEachNeverMissEachOther) {
  const ManualClock frozen;
  hammer(frozen, with_limit(1),
         {.workers = 2, .parallel = 1, .requests = 50000, .cancels = false, .spin = 1000});
}

TEST(GateThreads, LimitChangesUnderLoadKeepTheBalance) {
  const ManualClock frozen;
  hammer(frozen, with_limit(6), {.requests = 4000, .change_limit = true});
}

TEST(GateThreads, HeavyAndLightRequestsOfAllWorkersGetTheirTurn) {
  const ManualClock frozen;
  hammer(frozen, with_limit(5), {.requests = 3000, .weight_max = 5});
}

TEST(GateThreads, ShortQueuesRejectWithoutLosingAnyone) {
  config::AdmissionSettings settings = with_limit(2);
  settings.queue_max = 4;
  settings.max_wait = std::chrono::milliseconds(2);
  hammer(SystemClock::instance(), settings, {.requests = 4000});
}

}  // namespace
}  // namespace homeostat::gate
