// `compression.level: adaptive` in a closed loop: demand by Zipf, a CPU whose
// load compression itself raises, and one background thread.
#include "rules/laws/compression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace homeostat::rules {
namespace {

using namespace std::chrono_literals;

struct StoredObject {
  double bytes = 0;
  double scale = 1;  ///< of the ratio: bodies differ
  double ratio = 1;
  double uses = 0;
  int builds = 0;
  bool building = false;
  int effort = 0;
  Coding coding = Coding::identity;
};

struct Job {
  std::size_t object = 0;
  CompressionChoice choice;
  double work_ns = 0;
};

/// One machine of two CPUs for `seconds`; `load` gives the rest's utilization.
class Machine {
 public:
  template <class Load>
  void run(int seconds, Load&& load) {
    for (int second = 0; second < seconds; ++second) {
      const double others = load(second);
      // The pool has the lowest priority: it gets what is left, up to one CPU.
      const double left = std::max(0.0, 2 * (1 - others)) * 1e9;
      const double spent = work(std::min(1e9, left));
      const double cpu = std::min(1.0, others + spent / 2e9);
      worst_share_ = std::max(worst_share_, spent / 2e9);
      if (headroom_.update(CompressionHeadroom::Instant{} + std::chrono::seconds(second), cpu) ==
          0) {
        ++starved_seconds_;
      }
      now_ = second;
      for (int i = 0; i < 1000; ++i) request(pick());
    }
  }

  explicit Machine(std::uint64_t seed) : random_(seed) {
    std::lognormal_distribution<double> size(std::log(20'000), 1.3);
    std::normal_distribution<double> scale(1.5, 0.4);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      objects_.push_back(
          {std::clamp(size(random_), 1024.0, 4e6), std::clamp(scale(random_), 0.8, 4.0)});
      sum += 1 / std::pow(static_cast<double>(i + 1), 0.9);
      popularity_.push_back(sum);
    }
  }

  static constexpr std::size_t count = 2000;
  double sent_ = 0, whole_ = 0, worst_share_ = 0;
  int starved_seconds_ = 0, started_without_headroom_ = 0, most_builds_ = 0;

 private:
  std::size_t pick() {
    std::uniform_real_distribution<double> any(0, popularity_.back());
    const auto found = std::lower_bound(popularity_.begin(), popularity_.end(), any(random_));
    return static_cast<std::size_t>(found - popularity_.begin());
  }

  void request(std::size_t index) {
    StoredObject& object = objects_[index];
    object.uses += 1;
    whole_ += object.bytes;
    sent_ += object.bytes * object.ratio;
    if (object.building || (object.builds > 0 && random_() % 64 != 0)) return;
    CompressionQuestion question;
    question.allowed = CodingSet{Coding::gzip, Coding::brotli, Coding::zstd};
    question.bytes = object.bytes;
    question.headroom = headroom_.current();
    question.uses = expected_uses(object.uses, std::chrono::seconds(now_), 600s);
    question.rebuild = object.builds > 0;
    question.ratio_now = object.ratio;
    const CodingCosts& costs = standard_costs(CompressionUse::stored);
    if (question.rebuild) {
      question.ratio_scale =
          object.ratio /
          costs[index_of(object.coding)][static_cast<std::size_t>(object.effort - 1)].ratio;
    }
    const CompressionChoice choice = choose_compression(costs, question);
    if (choice.none() || queue_.size() >= 64) return;
    if (headroom_.current() == 0) ++started_without_headroom_;
    const CodingCost& cost =
        costs[index_of(choice.coding)][static_cast<std::size_t>(choice.effort - 1)];
    object.building = true;
    queue_.push_back({index, choice, object.bytes * cost.ns_per_byte + 20'000});
  }

  /// Runs jobs for at most `ns` of CPU; returns what was used.
  double work(double ns) {
    double used = 0;
    while (!queue_.empty() && used < ns) {
      Job& job = queue_.front();
      const double part = std::min(job.work_ns, ns - used);
      job.work_ns -= part;
      used += part;
      if (job.work_ns > 0) break;
      StoredObject& object = objects_[job.object];
      const CodingCost& cost =
          standard_costs(CompressionUse::stored)[index_of(job.choice.coding)]
                                                [static_cast<std::size_t>(job.choice.effort - 1)];
      object.ratio = std::min(object.ratio, cost.ratio * object.scale);
      object.coding = job.choice.coding;
      object.effort = job.choice.effort;
      object.building = false;
      most_builds_ = std::max(most_builds_, ++object.builds);
      queue_.pop_front();
    }
    return used;
  }

  std::mt19937_64 random_;
  std::vector<StoredObject> objects_;
  std::vector<double> popularity_;
  std::deque<Job> queue_;
  CompressionHeadroom headroom_;
  int now_ = 0;
};

class AdaptiveCompression : public ::testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, AdaptiveCompression, ::testing::Values(1, 2, 3, 4, 5));

TEST_P(AdaptiveCompression, SavesMostBytesOfAnIdleMachineAndBuildsFewFormsOfEach) {
  Machine machine(GetParam());
  machine.run(300, [](int) { return 0.2; });
  EXPECT_LT(machine.sent_ / machine.whole_, 0.20);
  EXPECT_LE(machine.most_builds_, 4) << "the law settles by itself";
  EXPECT_LT(machine.starved_seconds_, 30) << "its own work must not look like load for long";
}

TEST_P(AdaptiveCompression, StartsNothingWhileTheCpuIsShort) {
  Machine machine(GetParam());
  machine.run(120, [](int) { return 0.97; });
  EXPECT_EQ(machine.started_without_headroom_, 0);
  // Before the first measurement it may have begun; then nothing.
  EXPECT_GT(machine.sent_ / machine.whole_, 0.5);
}

TEST_P(AdaptiveCompression, ComesBackAfterAnOverload) {
  Machine machine(GetParam());
  machine.run(300, [](int second) { return second < 60 ? 0.97 : 0.3; });
  EXPECT_LT(machine.sent_ / machine.whole_, 0.40);
}

}  // namespace
}  // namespace homeostat::rules
