// CDN-Cache-Control and its like: an RFC 8941 dictionary whose keys are cache
// directives (RFC 9213). Any syntax error makes the whole field ignored.
#include <limits>

#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"

namespace homeostat::http {
namespace {

enum class ItemKind : unsigned char { integer, boolean, other };

struct Item {
  ItemKind kind = ItemKind::other;
  std::int64_t integer = 0;
  bool boolean = true;
};

/// Recognises structured-field syntax from the front of the text. Numbers and
/// booleans get values; everything else is only checked.
class DictionaryReader {
 public:
  explicit DictionaryReader(std::string_view text) noexcept : rest_(text) { skip_spaces(); }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  /// One member; then the comma before the next one, if any.
  std::string_view member(Item& item) noexcept {
    const std::string_view name = key();
    item = Item{ItemKind::boolean, 0, true};
    if (take('=')) {
      if (!rest_.empty() && rest_.front() == '(') {
        inner_list();
        item.kind = ItemKind::other;
      } else {
        item = bare_item();
      }
    }
    parameters();
    separator();
    return name;
  }

 private:
  void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }
  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() noexcept {
    while (take(' ')) {
    }
  }
  void skip_blanks() noexcept {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  void separator() noexcept {
    skip_blanks();
    if (rest_.empty()) return;
    if (!take(',')) return fail();
    skip_blanks();
    if (rest_.empty()) fail();  // trailing comma
  }
  static bool is_key_start(char c) noexcept { return (c >= 'a' && c <= 'z') || c == '*'; }
  static bool is_key_char(char c) noexcept {
    return is_key_start(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
  }
  std::string_view key() noexcept {
    if (rest_.empty() || !is_key_start(rest_.front())) {
      fail();
      return {};
    }
    std::size_t size = 1;
    while (size < rest_.size() && is_key_char(rest_[size])) ++size;
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }
  void parameters() noexcept {
    while (ok_ && take(';')) {
      skip_spaces();
      key();
      if (take('=')) bare_item();
    }
  }
  void inner_list() noexcept {
    take('(');
    while (ok_) {
      skip_spaces();
      if (take(')')) return;
      bare_item();
      parameters();
      if (!rest_.empty() && rest_.front() != ' ' && rest_.front() != ')') fail();
    }
  }
  Item bare_item() noexcept {
    if (rest_.empty()) fail();
    if (!ok_) return {};
    const char c = rest_.front();
    if (c == '-' || is_digit(c)) return number();
    if (c == '"') return quoted('"');
    if (c == ':') return byte_sequence();
    if (c == '?') return boolean();
    if (is_alpha(c) || c == '*') return token();
    fail();
    return {};
  }
  Item number() noexcept {
    Item item{ItemKind::integer, 0, false};
    const bool negative = take('-');
    std::size_t digits = 0;
    while (!rest_.empty() && is_digit(rest_.front())) {
      if (++digits <= 15) item.integer = item.integer * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0 || digits > 15) fail();
    if (negative) item.integer = -item.integer;
    if (ok_ && take('.')) {
      item.kind = ItemKind::other;
      std::size_t fraction = 0;
      for (; !rest_.empty() && is_digit(rest_.front()); ++fraction) rest_.remove_prefix(1);
      if (digits > 12 || fraction == 0 || fraction > 3) fail();
    }
    return item;
  }
  Item quoted(char quote) noexcept {
    take(quote);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return {};
      if (c < 0x20 || c > 0x7e) break;
      if (c == '\\' && !take('"') && !take('\\')) break;
    }
    fail();
    return {};
  }
  Item byte_sequence() noexcept {
    take(':');
    while (!rest_.empty()) {
      if (take(':')) return {};
      const char c = rest_.front();
      if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '/' && c != '=') break;
      rest_.remove_prefix(1);
    }
    fail();
    return {};
  }
  Item boolean() noexcept {
    take('?');
    if (take('1')) return {ItemKind::boolean, 0, true};
    if (take('0')) return {ItemKind::boolean, 0, false};
    fail();
    return {};
  }
  Item token() noexcept {
    while (!rest_.empty() &&
           (is_token_char(rest_.front()) || rest_.front() == ':' || rest_.front() == '/')) {
      rest_.remove_prefix(1);
    }
    return {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

void set_flag(bool& flag, const Item& item) noexcept {
  flag = item.kind != ItemKind::boolean || item.boolean;
}

/// A value that is no non-negative integer: a lifetime that is no promise.
void set_lifetime(std::optional<DeltaSeconds>& slot, const Item& item) noexcept {
  if (item.kind != ItemKind::integer || item.integer < 0) {
    slot = 0;
  } else {
    slot = item.integer > std::int64_t{delta_seconds_max} ? delta_seconds_max
                                                          : static_cast<DeltaSeconds>(item.integer);
  }
}

void apply(CacheControl& control, std::string_view name, const Item& item) noexcept {
  if (name == "max-age") set_lifetime(control.max_age, item);
  else if (name == "s-maxage") set_lifetime(control.s_maxage, item);
  else if (name == "stale-while-revalidate") set_lifetime(control.stale_while_revalidate, item);
  else if (name == "stale-if-error") set_lifetime(control.stale_if_error, item);
  else if (name == "no-store") set_flag(control.no_store, item);
  else if (name == "no-cache") set_flag(control.no_cache, item);
  else if (name == "private") set_flag(control.private_, item);
  else if (name == "public") set_flag(control.public_, item);
  else if (name == "no-transform") set_flag(control.no_transform, item);
  else if (name == "must-revalidate") set_flag(control.must_revalidate, item);
  else if (name == "proxy-revalidate") set_flag(control.proxy_revalidate, item);
  else if (name == "must-understand") set_flag(control.must_understand, item);
  else if (name == "immutable") set_flag(control.immutable, item);
}

}  // namespace

std::optional<CacheControl> parse_targeted_cache_control(const HeaderTable& headers,
                                                         HeaderId id) noexcept {
  CacheControl control;
  const bool malformed = headers.any_field(id, [&control](const Field& field) {
    DictionaryReader reader(field.value);
    while (!reader.at_end()) {
      Item item;
      const std::string_view name = reader.member(item);
      if (!reader.ok()) return true;
      control.present = true;
      apply(control, name, item);
    }
    return !reader.ok();
  });
  if (malformed || !control.present) return std::nullopt;
  return control;
}

}  // namespace homeostat::http
