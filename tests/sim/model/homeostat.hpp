// homeostat's admission in a simulated run: the real concurrency law and the
// real queue law, with the gate's bookkeeping of one worker around them.
#pragma once

#include "tests/sim/model/admission.hpp"

namespace homeostat::sim {

[[nodiscard]] std::unique_ptr<Admission> make_homeostat(Host& host);

}  // namespace homeostat::sim
