// The operator's order of codings, with the one a rule prefers in front.
//
// Thread safety: plain value.
#pragma once

#include <array>
#include <span>

#include "config/settings/compression.hpp"
#include "rules/laws/coding.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::proxy {

class CodingOrder {
 public:
  void add(rules::Coding coding) noexcept {
    if (size_ < order_.size()) order_[size_++] = coding;
  }
  [[nodiscard]] std::span<const rules::Coding> list() const noexcept {
    return {order_.data(), size_};
  }
  /// identity if the set is empty.
  [[nodiscard]] rules::Coding first_of(rules::CodingSet set) const noexcept {
    for (const rules::Coding coding : list()) {
      if (set.contains(coding)) return coding;
    }
    return rules::Coding::identity;
  }

 private:
  std::array<rules::Coding, rules::coding_count> order_{};
  std::size_t size_ = 0;
};

[[nodiscard]] inline CodingOrder coding_order(const config::CompressionSettings& settings,
                                              const EndpointPolicy& policy) noexcept {
  CodingOrder order;
  const bool preferred =
      policy.compress.has_value() && policy.compress_algorithm != rules::Coding::identity;
  for (const rules::Coding coding : settings.algorithms) {
    if (preferred && coding == policy.compress_algorithm) order.add(coding);
  }
  for (const rules::Coding coding : settings.algorithms) {
    if (!preferred || coding != policy.compress_algorithm) order.add(coding);
  }
  return order;
}

}  // namespace homeostat::proxy
