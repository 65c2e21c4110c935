#include "runtime/ports/policy_store.hpp"

#include <utility>

namespace homeostat {

const char* to_string(PolicySection section) noexcept {
  switch (section) {
    case PolicySection::cache: return "cache";
    case PolicySection::admission: return "admission";
    case PolicySection::mode: return "mode";
  }
  return "unknown";
}

PolicyStore::PolicyStore(const Clock& clock, Duration lease) : clock_(clock), lease_(lease) {
  auto first = std::make_shared<Policy>();
  first->epoch = 1;
  policy_ = std::move(first);
  renewed_.fill(clock.now());
}

template <class Change>
void PolicyStore::change(PolicySection section, Change&& apply) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(section);
  renewed_[index] = clock_.now();
  expired_[index] = false;
  auto next = std::make_shared<Policy>(*policy_);
  if (!apply(*next)) return;  // unchanged: workers need not refresh
  next->epoch = policy_->epoch + 1;
  const std::uint64_t epoch = next->epoch;
  policy_ = std::move(next);
  epoch_.store(epoch, std::memory_order_release);
}

void PolicyStore::publish(CachePolicy section) {
  change(PolicySection::cache, [&](Policy& policy) {
    const bool differs = !(policy.cache == section);
    policy.cache = std::move(section);
    return differs;
  });
}

void PolicyStore::publish(AdmissionPolicy section) {
  change(PolicySection::admission,
         [&](Policy& policy) { return !(std::exchange(policy.admission, section) == section); });
}

void PolicyStore::publish(ModePolicy section) {
  change(PolicySection::mode,
         [&](Policy& policy) { return !(std::exchange(policy.mode, section) == section); });
}

void PolicyStore::renew(PolicySection section) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(section);
  // An expired section holds defaults; only a publish can bring it back.
  if (!expired_[index]) renewed_[index] = clock_.now();
}

std::vector<PolicySection> PolicyStore::expire() {
  std::vector<PolicySection> lost;
  const Instant now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < policy_section_count; ++i) {
      if (!expired_[i] && now - renewed_[i] > lease_) lost.push_back(static_cast<PolicySection>(i));
    }
  }
  for (const PolicySection section : lost) {
    switch (section) {
      case PolicySection::cache: publish(CachePolicy{}); break;
      case PolicySection::admission: publish(AdmissionPolicy{}); break;
      case PolicySection::mode: publish(ModePolicy{}); break;
    }
    const std::lock_guard lock(mutex_);
    expired_[static_cast<std::size_t>(section)] = true;
  }
  return lost;
}

bool PolicyStore::degraded() const {
  const std::lock_guard lock(mutex_);
  for (const bool expired : expired_) {
    if (expired) return true;
  }
  return false;
}

std::shared_ptr<const Policy> PolicyStore::current() const {
  const std::lock_guard lock(mutex_);
  return policy_;
}

}  // namespace homeostat
