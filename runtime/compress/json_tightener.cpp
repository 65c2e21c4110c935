#include "runtime/compress/json_tightener.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "runtime/compress/content_policy.hpp"

namespace homeostat::compress {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

class Tightener {
 public:
  Tightener(std::string_view text, const config::JsonSettings& settings, std::string& out)
      : at_(text.data()), end_(text.data() + text.size()), settings_(settings), out_(out) {
    out_.clear();
    out_.reserve(text.size());
  }

  bool run() {
    space();
    if (!value()) return false;
    while (depth_ > 0) {
      if (!(std::exchange(opened_, false) ? first() : after_value())) return false;
    }
    space();
    return at_ == end_;
  }

 private:
  /// An open array or object.
  struct Level {
    bool object = false;
    bool filled = false;     ///< something was kept in it
    std::size_t member = 0;  ///< where the output of the present member begins
  };

  [[nodiscard]] Level& top() noexcept { return levels_[depth_ - 1]; }
  [[nodiscard]] bool next_is(char c) const noexcept { return at_ != end_ && *at_ == c; }
  void copy_from(const char* begin) { out_.append(begin, static_cast<std::size_t>(at_ - begin)); }

  void space() {
    const char* begin = at_;
    while (at_ != end_ && is_space(*at_)) ++at_;
    if (!settings_.whitespace) copy_from(begin);
  }

  /// A scalar as a whole, or the opening of a container.
  bool value() {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{': return open(true);
      case '[': return open(false);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  bool open(bool object) {
    if (depth_ == json_depth_max) return false;
    levels_[depth_++] = {object, false, 0};
    out_ += *at_++;
    top().member = out_.size();
    opened_ = true;
    return true;
  }

  /// What follows the opening of a container.
  bool first() {
    const bool object = top().object;
    space();
    if (next_is(object ? '}' : ']')) {
      close();
      return true;
    }
    return object ? member() : value();
  }

  void close() {
    out_ += *at_++;
    --depth_;
  }

  /// Key, colon and value.
  bool member() {
    if (!next_is('"') || !string()) return false;
    space();
    if (!next_is(':')) return false;
    out_ += *at_++;
    space();
    if (!settings_.nulls || !next_is('n')) return value();
    const std::size_t begin = top().member;
    if (!word("null")) return false;
    out_.resize(begin);
    dropped_ = true;
    return true;
  }

  /// What follows a value inside a container: the next one or its end.
  bool after_value() {
    Level& level = top();
    if (!std::exchange(dropped_, false)) level.filled = true;
    space();
    if (next_is(level.object ? '}' : ']')) {
      close();
      return true;
    }
    if (!next_is(',')) return false;
    ++at_;
    level.member = out_.size();
    if (level.filled) out_ += ',';
    space();
    return level.object ? member() : value();
  }

  bool word(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size() ||
        std::string_view(at_, text.size()) != text) {
      return false;
    }
    at_ += text.size();
    out_ += text;
    return true;
  }

  bool string() {
    const char* begin = at_++;
    while (at_ != end_) {
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        ++at_;
        copy_from(begin);
        return true;
      }
      if (c < 0x20) return false;
      ++at_;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() noexcept {
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_ || !is_hex(*at_++)) return false;
    }
    return true;
  }

  bool digits() noexcept {
    const char* begin = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != begin;
  }

  bool number() {
    const char* begin = at_;
    if (next_is('-')) ++at_;
    if (next_is('0')) {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (next_is('.')) {
      ++at_;
      if (!digits()) return false;
    }
    if (next_is('e') || next_is('E')) {
      ++at_;
      if (next_is('+') || next_is('-')) ++at_;
      if (!digits()) return false;
    }
    copy_from(begin);
    return true;
  }

  const char* at_;
  const char* end_;
  const config::JsonSettings& settings_;
  std::string& out_;
  std::array<Level, json_depth_max> levels_{};
  std::size_t depth_ = 0;
  bool opened_ = false;   ///< a container was opened, nothing of it was read
  bool dropped_ = false;  ///< the member just read was taken out
};

}  // namespace

bool tighten_json(std::string_view text, const config::JsonSettings& settings, std::string& out) {
  if (Tightener(text, settings, out).run()) return true;
  out.clear();
  return false;
}

bool is_json_type(std::string_view content_type) noexcept {
  return media_type_matches("application/json", content_type) ||
         media_type_matches("application/*+json", content_type);
}

}  // namespace homeostat::compress
