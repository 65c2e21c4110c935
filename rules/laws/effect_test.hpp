// Decides from a stream of differences whether something helps: a sequential
// test that may be looked at after every sample.
//
// Law. The differences d1, d2, ... (positive: better) are taken for draws from
// a normal distribution of unknown mean and variance. Under "no effect" the
// mixture likelihood ratio
//
//   M(n) = sqrt(c / (n + c)) * (V / (V - S^2 / (n + c)))^(n/2),
//   S = sum of d, V = sum of d^2, c = prior weight in samples,
//
// is a martingale of mean 1, whatever the variance; hence it ever reaches
// 1/error with a probability of at most `error` (Ville), however often one
// looks. Inverting it for every mean gives a confidence interval that holds at
// all times at once. Better: the interval lies above 0; worse: below.
// Sources: T. L. Lai, "On confidence sequences", Annals of Statistics 4 (1976);
// H. Wang, A. Ramdas, "Anytime-valid t-tests and confidence sequences for
// Gaussian means with unknown variance", 2023, arXiv:2310.03722, section 4;
// R. Johari et al., "Always valid inference", Operations Research 70 (2022).
//
// What it asks of its caller: differences that are independent under "no
// effect". Wild single values make it slower to decide, not wrong more often:
// they widen V more than S.
//
// Pure. Thread safety: none; one owner. Memory: constant.
#pragma once

#include <cstddef>
#include <cstdint>

namespace homeostat::rules {

struct EffectTestBounds {
  double error = 0.05;          ///< of a verdict where there is no effect, both sides together
  double prior = 1;             ///< c: the smaller, the more large effects are favoured
  std::size_t samples_min = 6;  ///< no verdict before
};

enum class EffectVerdict : std::uint8_t { undecided, better, worse };

/// What is known after some samples.
struct EffectEstimate {
  std::size_t samples = 0;
  double mean = 0;
  double low = 0, high = 0;  ///< infinite while nothing can be said
  double confidence = 0;     ///< that there is an effect: 1 - always-valid p
};

class EffectTest {
 public:
  explicit EffectTest(EffectTestBounds bounds = {}) : bounds_(bounds) {}

  /// Takes one difference; one that is not finite is ignored. A verdict stays.
  EffectVerdict add(double difference);
  [[nodiscard]] EffectVerdict verdict() const noexcept { return verdict_; }
  [[nodiscard]] EffectEstimate estimate() const;

 private:
  EffectTestBounds bounds_;
  std::size_t samples_ = 0;
  double mean_ = 0;
  double spread_ = 0;  ///< sum of squared deviations from the mean (Welford)
  double p_ = 1;       ///< smallest so far
  EffectVerdict verdict_ = EffectVerdict::undecided;
};

}  // namespace homeostat::rules
