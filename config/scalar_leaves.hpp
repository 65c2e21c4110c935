// Leaves for single values. See leaf.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "config/leaf.hpp"
#include "config/settings.hpp"
#include "config/units.hpp"

namespace homeostat::config {

/// Reads one scalar; the rest is for the value's own type.
class ScalarLeaf : public Leaf {
 public:
  void read(const Node& node, const std::string& path, Reading& reading) final;

 protected:
  /// Sets the field, or says why it cannot.
  [[nodiscard]] virtual std::optional<UnitError> set(const Node& scalar) = 0;
  /// False for values that may hold a secret: messages then leave them out.
  [[nodiscard]] virtual bool quotable() const { return true; }
  /// What of such a value may be shown all the same; empty: nothing.
  [[nodiscard]] virtual std::string public_part(const Node&) const { return {}; }
};

class BoolLeaf final : public ScalarLeaf {
 public:
  explicit BoolLeaf(bool& field) : field_(&field) {}
  /// Nothing by default.
  explicit BoolLeaf(std::optional<bool>& field) : optional_(&field) {}
  std::string show() const override;
  std::string type() const override { return "boolean"; }
  std::string allowed() const override { return "true or false"; }
  void take(const Leaf& same_key) override;

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  bool* field_ = nullptr;
  std::optional<bool>* optional_ = nullptr;
};

/// Whole numbers of any width. `zero` names what 0 may also be written as
/// ("auto"); a value of it is then shown by that word.
class IntegerLeaf final : public ScalarLeaf {
 public:
  template <class Number>
  IntegerLeaf(Number& field, std::int64_t min, std::int64_t max, std::string_view zero = {})
      : value_(static_cast<std::int64_t>(field)),
        store_([&field](std::int64_t value) { field = static_cast<Number>(value); }),
        min_(min),
        max_(max),
        zero_(zero) {}
  std::string show() const override;
  std::string type() const override { return "integer"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { store_(same_kind(*this, same_key).value_); }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  std::int64_t value_;
  std::function<void(std::int64_t)> store_;
  std::int64_t min_;
  std::int64_t max_;
  std::string_view zero_;
};

class NumberLeaf final : public ScalarLeaf {
 public:
  NumberLeaf(double& field, double min, double max) : field_(field), min_(min), max_(max) {}
  std::string show() const override;
  std::string type() const override { return "number"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  double& field_;
  double min_;
  double max_;
};

class RatioLeaf final : public ScalarLeaf {
 public:
  RatioLeaf(double& field, double min, double max) : field_(field), min_(min), max_(max) {}
  std::string show() const override { return format_ratio(field_); }
  std::string type() const override { return "ratio"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  double& field_;
  double min_;
  double max_;
};

/// Bytes. `zero` says what 0 means ("unlimited"); empty: 0 must be in range.
class SizeLeaf final : public ScalarLeaf {
 public:
  template <class Number>
  SizeLeaf(Number& field, std::uint64_t min, std::uint64_t max, std::string_view zero = {})
      : value_(field),
        store_([&field](std::uint64_t value) { field = static_cast<Number>(value); }),
        min_(min),
        max_(max),
        zero_(zero) {}
  std::string show() const override { return format_size(value_); }
  std::string type() const override { return "size"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { store_(same_kind(*this, same_key).value_); }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  std::uint64_t value_;
  std::function<void(std::uint64_t)> store_;
  std::uint64_t min_;
  std::uint64_t max_;
  std::string_view zero_;
};

/// Durations, held in the field's own resolution; a finer value is refused.
class DurationLeaf final : public ScalarLeaf {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  template <class Duration>
  DurationLeaf(Duration& field, Nanoseconds min, Nanoseconds max, std::string_view zero = {})
      : DurationLeaf(Nanoseconds(field), min, max, Nanoseconds(Duration(1)), zero) {
    store_ = [&field](std::optional<Nanoseconds> value) {
      field = std::chrono::duration_cast<Duration>(value.value_or(Nanoseconds(0)));
    };
  }
  template <class Duration>
  DurationLeaf(std::optional<Duration>& field, Nanoseconds min, Nanoseconds max)
      : DurationLeaf(Nanoseconds(field.value_or(Duration(0))), min, max, Nanoseconds(Duration(1)),
                     {}) {
    absent_ = !field.has_value();
    store_ = [&field](std::optional<Nanoseconds> value) {
      field.reset();
      if (value) field = std::chrono::duration_cast<Duration>(*value);
    };
  }
  std::string show() const override { return absent_ ? std::string{} : format_duration(value_); }
  std::string type() const override { return "duration"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override;

 private:
  DurationLeaf(Nanoseconds value, Nanoseconds min, Nanoseconds max, Nanoseconds step,
               std::string_view zero)
      : value_(value), min_(min), max_(max), step_(step), zero_(zero) {}
  std::optional<UnitError> set(const Node& scalar) override;
  Nanoseconds value_;
  std::function<void(std::optional<Nanoseconds>)> store_;  ///< nothing: the key is not given
  Nanoseconds min_;
  Nanoseconds max_;
  Nanoseconds step_;
  std::string_view zero_;
  bool absent_ = false;
};

/// Says what is wrong with a text; nothing if it is fine.
using TextCheck = std::optional<std::string> (*)(std::string_view text);

class TextLeaf final : public ScalarLeaf {
 public:
  /// How much of the text to_yaml may show.
  enum class Show : std::uint8_t { all, url_host };

  TextLeaf(std::string& field, std::string_view type, TextCheck check = nullptr,
           Show show_mode = Show::all, std::size_t bytes_max = 1024)
      : field_(field), type_(type), check_(check), show_(show_mode), bytes_max_(bytes_max) {}
  std::string show() const override;
  std::string identity() const override { return field_; }
  std::string type() const override { return std::string(type_); }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  bool quotable() const override { return show_ == Show::all; }
  std::string public_part(const Node& scalar) const override;
  std::string& field_;
  std::string_view type_;
  TextCheck check_;
  Show show_;
  std::size_t bytes_max_;
};

/// One of a few words.
class ChoiceLeaf final : public ScalarLeaf {
 public:
  /// `words` in the order of the enumeration's values.
  template <class Enumeration>
  ChoiceLeaf(Enumeration& field, std::span<const std::string_view> words)
      : words_(words),
        value_(static_cast<std::size_t>(field)),
        store_([&field](std::size_t value) { field = static_cast<Enumeration>(value); }) {}
  /// Further spellings that mean the same: {"true", "on"}.
  ChoiceLeaf&& also(std::span<const std::pair<std::string_view, std::string_view>> spellings) && {
    spellings_ = spellings;
    return std::move(*this);
  }
  std::string show() const override { return yaml_text(words_[value_]); }
  std::string type() const override { return "word"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { store_(same_kind(*this, same_key).value_); }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  std::span<const std::string_view> words_;
  std::span<const std::pair<std::string_view, std::string_view>> spellings_;
  std::size_t value_;
  std::function<void(std::size_t)> store_;
};

}  // namespace homeostat::config
