// homeostat's admission in a simulated run: the real gate with one worker, and the real
// concurrency law, as the throttler feeds it, in virtual time.
#pragma once

#include "rules/engine/rule.hpp"
#include "tests/sim/model/admission.hpp"

namespace homeostat::sim {

[[nodiscard]] std::unique_ptr<Admission> make_homeostat(Host& host);
/// With the budgets of a level from the first window on; make_homeostat: of balanced.
template <rules::Level level>
[[nodiscard]] std::unique_ptr<Admission> make_homeostat_at(Host& host);

}  // namespace homeostat::sim
