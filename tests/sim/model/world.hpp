// A closed loop in virtual time: clients, an admission, an application.
//
// Deterministic: the same scenario, admission and seed give the same figures.
// Arrivals, kinds and service demands come from a random stream of their own,
// so that every admission meets exactly the same requests.
//
// Modelled: Poisson (or bursty) arrivals, retries, the application. Not
// modelled: the network, the cost of rejecting, more than one worker of the
// agent. The application finishes work nobody waits for any more.
#pragma once

#include "tests/sim/model/admission.hpp"
#include "tests/sim/model/outcome.hpp"
#include "tests/sim/model/scenario.hpp"

namespace homeostat::sim {

[[nodiscard]] Outcome run(const Scenario& scenario, std::uint64_t seed, MakeAdmission make);
/// With homeostat's own laws.
[[nodiscard]] Outcome run(const Scenario& scenario, std::uint64_t seed);

}  // namespace homeostat::sim
