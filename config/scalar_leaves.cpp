#include "config/scalar_leaves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/address.hpp"
#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

constexpr std::array<std::string_view, 6> true_words{"true", "True", "TRUE", "yes", "on", "On"};
constexpr std::array<std::string_view, 6> false_words{"false", "False", "FALSE",
                                                      "no",    "off",   "Off"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::string range(const std::string& min, const std::string& max, std::string_view zero) {
  auto text = fmt::format("{} to {}", min, max);
  if (!zero.empty()) text += fmt::format(", or {}", zero);
  return text;
}

UnitError out_of_range(const std::string& allowed) {
  return UnitError{fmt::format("out of range; allowed is {}", allowed)};
}

}  // namespace

void ScalarLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_scalar()) {
    report_type(*this, node, path, reading);
    return;
  }
  if (node.broken) return;
  const auto error = set(node);
  if (!error) return;
  if (quotable()) {
    report_value(node, path, error->message, reading);
  } else {
    const std::string part = public_part(node);
    reading.report.error(node.place, fmt::format("`{}`: {}{}", path,
                                                 part.empty() ? "" : part + ": ", error->message));
  }
}

std::string BoolLeaf::show() const {
  if (field_ == nullptr && !optional_->has_value()) return {};
  return (field_ != nullptr ? *field_ : **optional_) ? "true" : "false";
}

std::optional<UnitError> BoolLeaf::set(const Node& scalar) {
  const bool value = contains(true_words, scalar.text);
  if (!value && !contains(false_words, scalar.text)) return UnitError{"must be true or false"};
  if (field_ != nullptr) {
    *field_ = value;
  } else {
    *optional_ = value;
  }
  return std::nullopt;
}

void BoolLeaf::take(const Leaf& same_key) {
  const BoolLeaf& other = same_kind(*this, same_key);
  if (field_ != nullptr) {
    *field_ = *other.field_;
  } else {
    *optional_ = *other.optional_;
  }
}

std::string IntegerLeaf::show() const {
  return value_ == 0 && !zero_.empty() ? std::string(zero_) : fmt::format("{}", value_);
}

std::string IntegerLeaf::allowed() const {
  return range(fmt::format("{}", min_), fmt::format("{}", max_), zero_);
}

std::optional<UnitError> IntegerLeaf::set(const Node& scalar) {
  if (!zero_.empty() && scalar.text == zero_) {
    store_(0);
    return std::nullopt;
  }
  auto parsed = parse_integer(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) {
    return UnitError{fmt::format("{}; allowed is {}", error->message, allowed())};
  }
  const auto value = std::get<std::int64_t>(parsed);
  if (value == 0 && !zero_.empty()) {
    store_(0);
    return std::nullopt;
  }
  if (value < min_ || value > max_) return out_of_range(allowed());
  store_(value);
  return std::nullopt;
}

std::string NumberLeaf::show() const { return fmt::format("{:.10g}", field_); }

std::string NumberLeaf::allowed() const {
  return range(fmt::format("{:.10g}", min_), fmt::format("{:.10g}", max_), {});
}

std::optional<UnitError> NumberLeaf::set(const Node& scalar) {
  auto parsed = parse_number(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) {
    return UnitError{fmt::format("{}; allowed is {}", error->message, allowed())};
  }
  const auto value = std::get<double>(parsed);
  if (value < min_ || value > max_) return out_of_range(allowed());
  field_ = value;
  return std::nullopt;
}

std::string RatioLeaf::allowed() const { return range(format_ratio(min_), format_ratio(max_), {}); }

std::optional<UnitError> RatioLeaf::set(const Node& scalar) {
  auto parsed = parse_ratio(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  const auto value = std::get<double>(parsed);
  if (value < min_ || value > max_) return out_of_range(allowed());
  field_ = value;
  return std::nullopt;
}

std::string SizeLeaf::allowed() const {
  const auto text = range(format_size(min_), format_size(max_), {});
  return zero_.empty() ? text : fmt::format("{}, or 0 = {}", text, zero_);
}

std::optional<UnitError> SizeLeaf::set(const Node& scalar) {
  auto parsed = parse_size(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  const auto value = std::get<std::uint64_t>(parsed);
  const bool zero = value == 0 && !zero_.empty();
  if (!zero && (value < min_ || value > max_)) return out_of_range(allowed());
  store_(value);
  return std::nullopt;
}

std::string DurationLeaf::allowed() const {
  const auto text = range(format_duration(min_), format_duration(max_), {});
  return zero_.empty() ? text : fmt::format("{}, or 0 = {}", text, zero_);
}

std::optional<UnitError> DurationLeaf::set(const Node& scalar) {
  auto parsed = parse_duration(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  const auto value = std::get<Nanoseconds>(parsed);
  const bool zero = value.count() == 0 && !zero_.empty();
  if (!zero && (value < min_ || value > max_)) return out_of_range(allowed());
  if (value % step_ != Nanoseconds{0}) {
    return UnitError{
        fmt::format("finer than {}, the resolution of this key", format_duration(step_))};
  }
  store_(value);
  return std::nullopt;
}

void DurationLeaf::take(const Leaf& same_key) {
  const DurationLeaf& other = same_kind(*this, same_key);
  store_(other.absent_ ? std::nullopt : std::optional(other.value_));
}

std::string TextLeaf::show() const {
  if (field_.empty()) return {};
  return yaml_text(show_ == Show::url_host ? redacted_url(field_) : field_);
}

std::string TextLeaf::public_part(const Node& scalar) const {
  return show_ == Show::url_host ? shown_url(scalar) : std::string();
}

std::optional<UnitError> TextLeaf::set(const Node& scalar) {
  if (scalar.text.size() > bytes_max_) {
    return UnitError{fmt::format("longer than {} bytes", bytes_max_)};
  }
  if (check_ != nullptr) {
    if (auto error = check_(scalar.text)) return UnitError{std::move(*error)};
  }
  field_ = scalar.text;
  return std::nullopt;
}

std::string ChoiceLeaf::allowed() const { return join_or(words_); }

std::optional<UnitError> ChoiceLeaf::set(const Node& scalar) {
  std::string_view text = scalar.text;
  for (const auto& [spelling, meaning] : spellings_) {
    if (text == spelling) text = meaning;
  }
  const auto found = std::find(words_.begin(), words_.end(), text);
  if (found == words_.end()) {
    auto message = fmt::format("allowed is {}", allowed());
    if (const auto hint = did_you_mean(text, words_); !hint.empty() && !scalar.substituted) {
      message += "; " + hint;
    }
    return UnitError{std::move(message)};
  }
  store_(static_cast<std::size_t>(found - words_.begin()));
  return std::nullopt;
}

}  // namespace homeostat::config
