// What all workers share for responses that are compressed while they stream:
// the memory bound of their encoders and the measured costs.
//
// Thread safety: any thread.
#pragma once

#include "runtime/compress/cost_table.hpp"
#include "runtime/compress/encoder.hpp"

namespace homeostat::compress {

struct StreamResources {
  explicit StreamResources(std::size_t bytes_max) noexcept : budget(bytes_max) {}
  EncoderBudget budget;
  CostTable costs{rules::CompressionUse::streamed};
};

}  // namespace homeostat::compress
