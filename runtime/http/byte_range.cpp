#include "runtime/http/byte_range.hpp"

#include <algorithm>

#include "runtime/http/ascii.hpp"
#include "runtime/http/head_writer.hpp"

namespace homeostat::http {
namespace {

/// One range-spec, not yet applied to a length.
struct Spec {
  bool suffix = false;
  std::uint64_t first = 0;
  std::uint64_t last = UINT64_MAX;  ///< inclusive; of a suffix: how many bytes
};

/// Digits as a number; what is larger than 2^64 saturates, since a range may
/// end beyond any representation.
bool read_position(std::string_view text, std::uint64_t& out) noexcept {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  out = parse_decimal(text).value_or(UINT64_MAX);
  return true;
}

bool read_spec(std::string_view text, Spec& spec) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = text.substr(dash + 1);
  if (first.empty()) {
    spec.suffix = true;
    return read_position(last, spec.last);
  }
  if (!read_position(first, spec.first)) return false;
  if (last.empty()) return true;
  return read_position(last, spec.last) && spec.first <= spec.last;
}

/// The list behind `bytes=`; empty if the field is none.
std::string_view range_set(std::string_view value) noexcept {
  value = trim(value);
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos || !iequals(value.substr(0, equals), "bytes")) return {};
  return value.substr(equals + 1);
}

/// Calls `visit(spec)` for each; false if the syntax is broken or there are
/// none or too many.
template <class Visit>
bool read_specs(std::string_view value, Visit&& visit) noexcept {
  std::size_t count = 0;
  const bool broken = any_list_element(range_set(value), [&](std::string_view element) {
    Spec spec;
    if (++count > ByteRanges::specs_max || !read_spec(element, spec)) return true;
    visit(spec);
    return false;
  });
  return !broken && count > 0;
}

/// False if the range is not satisfiable.
bool resolve(const Spec& spec, std::uint64_t length, ByteRange& range) noexcept {
  if (spec.suffix) {
    range.length = std::min(spec.last, length);
    range.offset = length - range.length;
    return range.length > 0;
  }
  if (spec.first >= length) return false;
  range.offset = spec.first;
  range.length = std::min(spec.last, length - 1) - spec.first + 1;
  return true;
}

using Resolved = std::array<ByteRange, ByteRanges::specs_max>;

bool near(const ByteRange& a, const ByteRange& b) noexcept {
  const ByteRange& first = a.offset <= b.offset ? a : b;
  const ByteRange& second = a.offset <= b.offset ? b : a;
  return second.offset <= first.end() + ByteRanges::gap_max;
}

bool any_near(const Resolved& ranges, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      if (near(ranges[i], ranges[j])) return true;
    }
  }
  return false;
}

std::size_t join(Resolved& ranges, std::size_t count) noexcept {
  std::sort(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(count),
            [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < count; ++i) {
    if (near(ranges[last], ranges[i])) {
      ranges[last].length = std::max(ranges[last].end(), ranges[i].end()) - ranges[last].offset;
    } else {
      ranges[++last] = ranges[i];
    }
  }
  return last + 1;
}

}  // namespace

ByteRanges ByteRanges::parse(std::string_view value, std::uint64_t length) noexcept {
  ByteRanges result;
  Resolved resolved;
  std::size_t count = 0;
  bool empty_suffix = false;
  const bool valid = read_specs(value, [&](const Spec& spec) {
    if (resolve(spec, length, resolved[count])) ++count;
    empty_suffix = empty_suffix || (spec.suffix && spec.last > 0 && length == 0);
  });
  // The end of nothing is satisfiable, but Content-Range cannot say it.
  if (!valid || empty_suffix) return result;
  if (count == 0) {
    result.kind_ = Kind::unsatisfiable;
    return result;
  }
  if (any_near(resolved, count)) count = join(resolved, count);
  if (count > ranges_max) return result;
  std::copy_n(resolved.begin(), count, result.ranges_.begin());
  result.count_ = count;
  result.kind_ = Kind::partial;
  return result;
}

bool is_byte_range(std::string_view value) noexcept {
  return read_specs(value, [](const Spec&) {});
}

void append_content_range(std::string& out, const ByteRange& range, std::uint64_t length) {
  out += "bytes ";
  append_number(out, range.offset);
  out += '-';
  append_number(out, range.end() - 1);
  out += '/';
  append_number(out, length);
}

void append_unsatisfied_range(std::string& out, std::uint64_t length) {
  out += "bytes */";
  append_number(out, length);
}

}  // namespace homeostat::http
