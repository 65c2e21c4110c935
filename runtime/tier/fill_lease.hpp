// The right to fetch one key for the whole fleet. Given back when it is destroyed,
// unless it was used up by a write.
//
// Thread safety: none; the worker's thread. May outlive its WorkerTier.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace homeostat::tier {

class WorkerTier;

/// Which lease it is; a plain value.
struct LeaseTerms {
  std::string entry_key;  ///< what it is for
  std::string lease_key;
  std::string token;
  [[nodiscard]] bool held() const noexcept { return !token.empty(); }
};

class FillLease {
 public:
  FillLease() = default;
  FillLease(std::weak_ptr<WorkerTier> tier, LeaseTerms terms)
      : tier_(std::move(tier)), terms_(std::move(terms)) {}
  ~FillLease() { give_back(); }
  FillLease(FillLease&& other) noexcept
      : tier_(std::move(other.tier_)), terms_(std::exchange(other.terms_, {})) {}
  FillLease& operator=(FillLease&& other) noexcept {
    if (this != &other) {
      give_back();
      tier_ = std::move(other.tier_);
      terms_ = std::exchange(other.terms_, {});
    }
    return *this;
  }

  [[nodiscard]] bool held() const noexcept { return terms_.held(); }
  /// Nothing came of it: whoever waits is told so.
  void give_back() noexcept;
  /// For whoever ends it himself.
  [[nodiscard]] LeaseTerms take() noexcept { return std::exchange(terms_, {}); }

 private:
  std::weak_ptr<WorkerTier> tier_;
  LeaseTerms terms_;
};

}  // namespace homeostat::tier
