#include "rules/laws/concurrency_limit.hpp"

#include "rules/laws/limit_law.hpp"

namespace homeostat::rules {

struct ConcurrencyLimit::Impl {
  LimitLaw law;
};

ConcurrencyLimit::ConcurrencyLimit(LimitBounds bounds)
    : impl_(std::make_unique<Impl>(Impl{LimitLaw(bounds)})) {}
ConcurrencyLimit::~ConcurrencyLimit() = default;
ConcurrencyLimit::ConcurrencyLimit(ConcurrencyLimit&&) noexcept = default;
ConcurrencyLimit& ConcurrencyLimit::operator=(ConcurrencyLimit&&) noexcept = default;

LimitDecision ConcurrencyLimit::update(const LimitWindow& window) {
  impl_->law.update(window);
  const LimitLaw& law = impl_->law;
  return {law.limit_in_force(), law.reason(), law.queue(), law.queueing()};
}

double ConcurrencyLimit::limit() const noexcept { return impl_->law.limit_in_force(); }

}  // namespace homeostat::rules
