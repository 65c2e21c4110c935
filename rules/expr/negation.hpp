// The default `until`: a condition negated, with thresholds moved to safety.
//
// By De Morgan the negation is pushed down to the comparisons, and there, with
// margin m and threshold c,
//
//   x > c, x >= c   becomes  x < c - m|c|
//   x < c, x <= c   becomes  x > c + m|c|
//   x == c, x != c  become   x != c, x == c   (no margin)
//
// so that a value wavering around c does not switch a rule on and off (a
// Schmitt trigger). Two limits keep the result reachable: a ratio threshold
// moves up at most half the way to 100 %, and where a threshold cannot move
// (zero, or a ratio of 100 %) the comparison is plainly negated. If the right
// side is no constant it is scaled instead, provided it cannot be negative and,
// for ratios, only downwards.
//
// Thread safety: pure function.
#pragma once

#include "rules/expr/ast.hpp"

namespace homeostat::rules {

/// `margin` is clamped to 0..0.9.
[[nodiscard]] Ast negate_with_margin(const Ast& ast, double margin);

}  // namespace homeostat::rules
