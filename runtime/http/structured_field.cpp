#include "runtime/http/structured_field.hpp"

#include <algorithm>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

using Kind = StructuredItem::Kind;

constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_key_start(char c) noexcept { return is_lower(c) || c == '*'; }
constexpr bool is_key_char(char c) noexcept {
  return is_key_start(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}
constexpr bool is_printable(char c) noexcept { return c >= 0x20 && c <= 0x7e; }
constexpr bool is_lower_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f'); }

}  // namespace

StructuredFieldReader::StructuredFieldReader(std::string_view text) noexcept : rest_(text) {
  skip_spaces();
  while (!rest_.empty() && rest_.back() == ' ') rest_.remove_suffix(1);
}

void StructuredFieldReader::fail() noexcept {
  ok_ = false;
  rest_ = {};
}

bool StructuredFieldReader::take(char c) noexcept {
  if (rest_.empty() || rest_.front() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

void StructuredFieldReader::skip_spaces() noexcept {
  while (take(' ')) {
  }
}

void StructuredFieldReader::skip_blanks() noexcept {
  while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
}

/// The comma before the next member; one at the end is an error.
void StructuredFieldReader::separator() noexcept {
  skip_blanks();
  if (rest_.empty()) return;
  if (!take(',')) return fail();
  skip_blanks();
  if (rest_.empty()) fail();
}

bool StructuredFieldReader::next_member(StructuredMember& member) noexcept {
  if (rest_.empty()) return false;
  member.key = key();
  member.value = {};
  if (take('=')) member.value = item_or_inner_list();
  parameters();
  separator();
  return ok_;
}

bool StructuredFieldReader::next_item(StructuredItem& item) noexcept {
  if (rest_.empty()) return false;
  item = item_or_inner_list();
  parameters();
  separator();
  return ok_;
}

bool StructuredFieldReader::next_inner(StructuredItem& item) noexcept {
  skip_spaces();
  if (rest_.empty()) return false;
  item = bare_item();
  parameters();
  return ok_;
}

std::string_view StructuredFieldReader::key() noexcept {
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

void StructuredFieldReader::parameters() noexcept {
  while (ok_ && take(';')) {
    skip_spaces();
    static_cast<void>(key());
    if (take('=')) static_cast<void>(bare_item());
  }
}

StructuredItem StructuredFieldReader::item_or_inner_list() noexcept {
  return !rest_.empty() && rest_.front() == '(' ? inner_list() : bare_item();
}

StructuredItem StructuredFieldReader::inner_list() noexcept {
  static_cast<void>(take('('));
  const char* const begin = rest_.data();
  while (ok_) {
    skip_spaces();
    if (!rest_.empty() && rest_.front() == ')') {
      StructuredItem item;
      item.kind = Kind::inner_list;
      item.text = {begin, static_cast<std::size_t>(rest_.data() - begin)};
      rest_.remove_prefix(1);
      return item;
    }
    static_cast<void>(bare_item());
    parameters();
    if (!rest_.empty() && rest_.front() != ' ' && rest_.front() != ')') fail();
  }
  return {};
}

StructuredItem StructuredFieldReader::bare_item() noexcept {
  if (rest_.empty()) fail();
  if (!ok_) return {};
  const char c = rest_.front();
  if (c == '-' || is_digit(c)) return number();
  if (c == '"') return string();
  if (c == ':') return byte_sequence();
  if (c == '?') return boolean();
  if (c == '@') return date();
  if (c == '%') return display_string();
  if (is_alpha(c) || c == '*') return token();
  fail();
  return {};
}

StructuredItem StructuredFieldReader::number() noexcept {
  StructuredItem item;
  item.kind = Kind::integer;
  const bool negative = take('-');
  std::size_t digits = 0;
  while (!rest_.empty() && is_digit(rest_.front())) {
    if (++digits <= 15) item.integer = item.integer * 10 + (rest_.front() - '0');
    rest_.remove_prefix(1);
  }
  if (digits == 0 || digits > 15) fail();
  if (negative) item.integer = -item.integer;
  if (ok_ && take('.')) {
    item.kind = Kind::decimal;
    std::size_t fraction = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); ++fraction) rest_.remove_prefix(1);
    if (digits > 12 || fraction == 0 || fraction > 3) fail();
  }
  return item;
}

StructuredItem StructuredFieldReader::string() noexcept {
  rest_.remove_prefix(1);
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == '"') {
      StructuredItem item;
      item.kind = Kind::string;
      item.text = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return item;
    }
    if (!is_printable(c)) break;
    if (c != '\\') continue;
    ++i;
    if (i == rest_.size() || (rest_[i] != '"' && rest_[i] != '\\')) break;
  }
  fail();
  return {};
}

StructuredItem StructuredFieldReader::byte_sequence() noexcept {
  rest_.remove_prefix(1);
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == ':') {
      StructuredItem item;
      item.kind = Kind::bytes;
      item.text = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return item;
    }
    if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '/' && c != '=') break;
  }
  fail();
  return {};
}

StructuredItem StructuredFieldReader::boolean() noexcept {
  rest_.remove_prefix(1);
  StructuredItem item;
  item.boolean = take('1');
  if (!item.boolean && !take('0')) fail();
  return item;
}

StructuredItem StructuredFieldReader::token() noexcept {
  std::size_t size = 0;
  while (size < rest_.size() &&
         (is_token_char(rest_[size]) || rest_[size] == ':' || rest_[size] == '/')) {
    ++size;
  }
  StructuredItem item;
  item.kind = Kind::token;
  item.text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return item;
}

StructuredItem StructuredFieldReader::date() noexcept {
  rest_.remove_prefix(1);
  if (rest_.empty() || (rest_.front() != '-' && !is_digit(rest_.front()))) {
    fail();
    return {};
  }
  StructuredItem item = number();
  if (!item.is(Kind::integer)) fail();
  item.kind = Kind::date;
  return item;
}

StructuredItem StructuredFieldReader::display_string() noexcept {
  rest_.remove_prefix(1);
  if (take('"')) {
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (c == '"') {
        StructuredItem item;
        item.kind = Kind::display_string;
        item.text = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return item;
      }
      if (!is_printable(c)) break;
      if (c != '%') continue;
      if (i + 2 >= rest_.size() || !is_lower_hex(rest_[i + 1]) || !is_lower_hex(rest_[i + 2])) {
        break;
      }
      i += 2;
    }
  }
  fail();
  return {};
}

std::string decoded_string(const StructuredItem& item) {
  std::string out;
  out.reserve(item.text.size());
  for (std::size_t i = 0; i < item.text.size(); ++i) {
    if (item.text[i] == '\\') ++i;
    out += item.text[i];
  }
  return out;
}

std::string_view combined_value(const HeaderTable& headers, HeaderId id, std::string& storage) {
  if (headers.count(id) <= 1) return headers.get(id);
  storage.clear();
  headers.any_field(id, [&storage](const Field& field) {
    if (field.value.empty()) return false;  // as if the line were not there
    if (!storage.empty()) storage += ", ";
    storage += field.value;
    return false;
  });
  return storage;
}

std::vector<std::string> parse_string_list(const HeaderTable& headers, HeaderId id,
                                           std::size_t items_max) {
  std::vector<std::string> items;
  if (!headers.has(id)) return items;
  std::string storage;
  StructuredFieldReader reader(combined_value(headers, id, storage));
  StructuredItem item;
  bool strings = true;
  while (reader.next_item(item)) {
    strings = strings && item.is(Kind::string);
    if (!strings || items.size() == items_max) continue;
    std::string text = decoded_string(item);
    if (std::find(items.begin(), items.end(), text) == items.end()) {
      items.push_back(std::move(text));
    }
  }
  if (!reader.ok() || !strings) items.clear();
  return items;
}

}  // namespace homeostat::http
