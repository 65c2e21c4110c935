// Takes insignificant whitespace and null members out of JSON text.
//
// Everything else is copied byte for byte: number texts (1.0 stays 1.0, 1e400
// stays), escapes, the order of members, duplicate keys, top-level scalars,
// null elements of arrays. Of members with one name in one object, those that are null go
// and the others stay. The text is checked against RFC 8259 on the way: exactly
// one JSON value is JSON, NDJSON, comments, a byte order mark and UTF-16 are not.
// Bytes from 0x80 on are copied without looking at UTF-8: what a decoder makes of
// them does not change.
//
// As a whole, what is no JSON is refused, and the caller keeps the original. As a
// stream it is copied from the first byte on that no JSON has there, with the
// whitespace before it: then only what was JSON so far is tighter. Of a stream as
// little as possible is held back: whitespace, and a member until it is clear that it
// is not null; above `held_max` bytes they stay.
//
// Bounds: one pass, linear time, no recursion; nesting up to `json_depth_max`, the
// output is never longer than the input. Thread safety: none; tighten_json is pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/settings/cache.hpp"

namespace homeostat::compress {

inline constexpr std::size_t json_depth_max = 512;

class JsonTightener {
 public:
  static constexpr std::size_t held_max = 16384;

  explicit JsonTightener(const config::JsonSettings& settings,
                         std::size_t held_bytes_max = held_max) noexcept
      : settings_(settings), held_bytes_max_(held_bytes_max) {}

  /// The next piece of the text. Appends what is known to stay.
  void write(std::string_view bytes, std::string& out);
  /// The text has ended. Appends what was held back. True if it was JSON.
  [[nodiscard]] bool finish(std::string& out);

 private:
  enum class State : std::uint8_t {
    value,
    first_element,
    first_member,
    next_member,
    colon,
    after,  ///< a value inside a container
    done,
    string,
    escape,
    hex,
    word,
    number,
    broken
  };
  enum class Number : std::uint8_t { minus, zero, integer, point, fraction, e, sign, exponent };
  /// An open array or object.
  struct Level {
    bool object = false;
    bool filled = false;  ///< something was kept in it
  };

  void step();
  void punctuation(char c);
  void space();
  void begin_value(char c);
  void begin_key();
  void open(bool object);
  void close();
  void comma();
  void settle() noexcept;
  void string_run();
  void number_run();
  void value_done() noexcept;
  void token();
  void put(std::string_view text);
  void commit();
  void overflow();
  void fail();
  [[nodiscard]] Level& top() noexcept { return levels_[depth_ - 1]; }

  const config::JsonSettings settings_;
  const std::size_t held_bytes_max_;
  State state_ = State::value;
  Number number_ = Number::minus;
  bool in_key_ = false;
  bool candidate_ = false;  ///< the held text is a member that may be null
  std::uint8_t hex_left_ = 0;
  std::string_view word_;  ///< what is left of it
  std::size_t depth_ = 0;
  std::array<Level, json_depth_max> levels_{};
  // What is held back, as it came and as it would go out.
  std::string raw_, tight_;
  // Of the call under way.
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::string* out_ = nullptr;
};

/// Replaces `out`. False, with `out` empty, if `text` is no JSON or too deep.
[[nodiscard]] bool tighten_json(std::string_view text, const config::JsonSettings& settings,
                                std::string& out);

/// application/json and application/*+json; parameters ignored, any case.
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace homeostat::compress
