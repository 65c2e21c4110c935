#include "rules/expr/type_check.hpp"

#include "rules/expr/units.hpp"

namespace homeostat::rules {
namespace {

bool is_plain(const Type& type) { return type.unit == Unit::number || type.unit == Unit::ratio; }

/// A literal without a unit, or arithmetic of such literals (folded).
bool is_bare(const Node& node) {
  return node.operation == Operation::constant && node.type == Type{Unit::number, false};
}

std::string advice(double value, Unit wanted) {
  const std::string written = format_literal(value, Unit::number);
  switch (wanted) {
    case Unit::ratio:
      if (value > 1 && value <= 100) {
        return "write " + written + "% or " + format_literal(value / 100, Unit::number);
      }
      return "write " + written + "%";
    case Unit::duration: return "write " + written + "s or " + written + "ms";
    case Unit::bytes: return "write " + written + "B, " + written + "KiB or " + written + "MiB";
    case Unit::rate: return "write " + written + "/s or " + written + "/m";
    case Unit::number:
    case Unit::boolean: break;
  }
  return {};
}

/// Gives a bare literal the other side's unit, or says how to write it.
TypeResult adopt(Node& literal, const Type& wanted) {
  if (wanted.unit == Unit::ratio && literal.value >= 0 && literal.value <= 1) {
    literal.type = wanted;
    return wanted;
  }
  return TypeError{&literal, format_literal(literal.value, Unit::number) +
                                 " has no unit, but the other side is a " + name_of(wanted) + ": " +
                                 advice(literal.value, wanted.unit)};
}

}  // namespace

std::string name_of(const Type& type) {
  return type.unit == Unit::bytes ? "size in bytes" : std::string(to_string(type.unit));
}

TypeResult unify(Node& left, Node& right, const char* verb, const char* joint) {
  if (left.type.unit == right.type.unit) {
    return Type{left.type.unit, left.type.share && right.type.share};
  }
  if (is_plain(left.type) && is_plain(right.type) && (left.type.share || right.type.share)) {
    return left.type.share ? right.type : left.type;
  }
  if (is_bare(left) && right.type.unit != Unit::boolean) return adopt(left, right.type);
  if (is_bare(right) && left.type.unit != Unit::boolean) return adopt(right, left.type);
  return TypeError{nullptr, std::string("cannot ") + verb + " " + name_of(left.type) + " " + joint +
                                " " + name_of(right.type)};
}

TypeResult multiplied(const Node& left, const Node& right) {
  const Type a = left.type;
  const Type b = right.type;
  if (a.unit == Unit::boolean || b.unit == Unit::boolean || (!is_plain(a) && !is_plain(b))) {
    // Little's law: arrivals per second times seconds in the system = how many are in it.
    if ((a.unit == Unit::rate && b.unit == Unit::duration) ||
        (a.unit == Unit::duration && b.unit == Unit::rate)) {
      return Type{Unit::number, false};
    }
    return TypeError{nullptr, "cannot multiply " + name_of(a) + " by " + name_of(b)};
  }
  if (!is_plain(a)) return a;
  if (!is_plain(b)) return b;
  if (a.unit == b.unit && !a.share && !b.share) return a;
  if (is_bare(left)) return b;
  if (is_bare(right)) return a;
  return Type{Unit::number, true};
}

TypeResult divided(const Node& left, const Node& right) {
  const Type a = left.type;
  const Type b = right.type;
  if (a.unit == Unit::boolean || b.unit == Unit::boolean) {
    return TypeError{nullptr, "cannot divide " + name_of(a) + " by " + name_of(b)};
  }
  if (is_plain(a) && is_plain(b)) {
    if (a.unit == Unit::ratio && !a.share && is_bare(right)) return a;
    return Type{Unit::number, true};
  }
  if (is_plain(b)) return a;
  if (a.unit == b.unit) return Type{Unit::number, true};
  const bool countable = a.unit == Unit::number || a.unit == Unit::bytes;
  if (countable && b.unit == Unit::duration) return Type{Unit::rate, false};
  if (countable && b.unit == Unit::rate) return Type{Unit::duration, false};
  return TypeError{nullptr, "cannot divide " + name_of(a) + " by " + name_of(b)};
}

}  // namespace homeostat::rules
