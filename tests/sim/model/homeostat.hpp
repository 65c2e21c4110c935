// homeostat's admission in a simulated run: the real gate with one worker, and the real
// concurrency law, as the throttler feeds it, in virtual time.
#pragma once

#include "tests/sim/model/admission.hpp"

namespace homeostat::sim {

[[nodiscard]] std::unique_ptr<Admission> make_homeostat(Host& host);

}  // namespace homeostat::sim
