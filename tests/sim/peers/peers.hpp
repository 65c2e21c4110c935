// The published admission laws at their published defaults, as peers of
// homeostat's in the same simulated world. Written anew from the formulas in
// the sources named at each; where a formula needs the host's CPU, it gets the
// exact one.
#pragma once

#include <vector>

#include "tests/sim/model/admission.hpp"

namespace homeostat::sim {

struct Peer {
  const char* name;
  MakeAdmission make;
};

/// homeostat first, then "none", then the others.
[[nodiscard]] const std::vector<Peer>& all_peers();

// One maker per law; see the .cpp of each for its source.
std::unique_ptr<Admission> make_none(Host& host);
std::unique_ptr<Admission> make_static(Host& host);
std::unique_ptr<Admission> make_gradient2(Host& host);
std::unique_ptr<Admission> make_vegas(Host& host);
std::unique_ptr<Admission> make_envoy(Host& host);
std::unique_ptr<Admission> make_aegis(Host& host);
std::unique_ptr<Admission> make_go_zero(Host& host);
std::unique_ptr<Admission> make_brpc(Host& host);
std::unique_ptr<Admission> make_failsafe(Host& host);
std::unique_ptr<Admission> make_dagor(Host& host);

}  // namespace homeostat::sim
