#include "runtime/compress/json_tightener.hpp"

#include "runtime/compress/content_policy.hpp"

namespace homeostat::compress {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool is_plain(char c) noexcept {
  return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
}

}  // namespace

void JsonTightener::write(std::string_view bytes, std::string& out) {
  at_ = bytes.data();
  end_ = at_ + bytes.size();
  out_ = &out;
  while (at_ != end_ && state_ != State::broken) {
    step();
    if (raw_.size() > held_bytes_max_) overflow();
  }
  out.append(at_, static_cast<std::size_t>(end_ - at_));
}

bool JsonTightener::finish(std::string& out) {
  out_ = &out;
  const bool whole = number_ == Number::zero || number_ == Number::integer ||
                     number_ == Number::fraction || number_ == Number::exponent;
  if (state_ == State::number && depth_ == 0 && whole) value_done();
  if (state_ == State::done) {
    commit();
    return true;
  }
  fail();
  return false;
}

void JsonTightener::step() {
  const char c = *at_;
  switch (state_) {
    case State::string: string_run(); return;
    case State::number: number_run(); return;
    case State::escape:
      if (std::string_view("\"\\/bfnrtu").find(c) == std::string_view::npos) return fail();
      state_ = c == 'u' ? State::hex : State::string;
      hex_left_ = 4;
      put({at_++, 1});
      return;
    case State::hex:
      if (!is_hex(c)) return fail();
      if (--hex_left_ == 0) state_ = State::string;
      put({at_++, 1});
      return;
    case State::word:
      if (c != word_.front()) return fail();
      word_.remove_prefix(1);
      put({at_++, 1});
      if (word_.empty()) value_done();
      return;
    default:
      if (is_space(c)) {
        space();
      } else {
        punctuation(c);
      }
  }
}

/// Between tokens.
void JsonTightener::punctuation(char c) {
  switch (state_) {
    case State::value: return begin_value(c);
    case State::first_element: return c == ']' ? close() : begin_value(c);
    case State::first_member:
      if (c == '}') return close();
      return c == '"' ? begin_key() : fail();
    case State::next_member: return c == '"' ? begin_key() : fail();
    case State::colon:
      if (c != ':') return fail();
      token();
      state_ = State::value;
      return;
    case State::after:
      if (c == ',') return comma();
      return c == (top().object ? '}' : ']') ? close() : fail();
    default: fail();  // something behind the value
  }
}

void JsonTightener::space() {
  const char* begin = at_;
  while (at_ != end_ && is_space(*at_)) ++at_;
  const std::string_view run(begin, static_cast<std::size_t>(at_ - begin));
  if (settings_.whitespace) {
    raw_ += run;
  } else {
    put(run);
  }
}

void JsonTightener::begin_value(char c) {
  if (c != 'n') candidate_ = false;
  switch (c) {
    case '{': return open(true);
    case '[': return open(false);
    case '"':
      in_key_ = false;
      state_ = State::string;
      return token();
    case 't': word_ = "rue"; break;
    case 'f': word_ = "alse"; break;
    case 'n': word_ = "ull"; break;
    default:
      if (c != '-' && !is_digit(c)) return fail();
      number_ = c == '-' ? Number::minus : c == '0' ? Number::zero : Number::integer;
      state_ = State::number;
      return token();
  }
  state_ = State::word;
  token();
}

void JsonTightener::begin_key() {
  // After a comma it is held already, with the comma.
  if (settings_.nulls) candidate_ = true;
  in_key_ = true;
  state_ = State::string;
  token();
}

void JsonTightener::open(bool object) {
  if (depth_ == json_depth_max) return fail();
  levels_[depth_++] = {object, false};
  state_ = object ? State::first_member : State::first_element;
  token();
}

void JsonTightener::close() {
  settle();
  token();
  --depth_;
  value_done();
}

void JsonTightener::comma() {
  settle();
  const bool object = top().object;
  state_ = object ? State::next_member : State::value;
  if (!object || !settings_.nulls) return token();
  commit();
  candidate_ = true;  // the comma goes with the member behind it
  raw_ = ',';
  if (top().filled) tight_ = ',';
  ++at_;
}

/// A member or element is over: one that was null goes.
void JsonTightener::settle() noexcept {
  if (candidate_) {
    raw_.clear();
    tight_.clear();
    candidate_ = false;
  } else if (state_ == State::after) {
    top().filled = true;
  }
}

void JsonTightener::string_run() {
  const char* begin = at_;
  while (at_ != end_ && is_plain(*at_)) ++at_;
  put({begin, static_cast<std::size_t>(at_ - begin)});
  if (at_ == end_) return;
  if (*at_ == '"') {
    put({at_++, 1});
    if (in_key_) {
      state_ = State::colon;
    } else {
      value_done();
    }
  } else if (*at_ == '\\') {
    put({at_++, 1});
    state_ = State::escape;
  } else {
    fail();
  }
}

void JsonTightener::number_run() {
  const char* begin = at_;
  const auto follow = [&](char c) {
    const bool digit = is_digit(c);
    const bool e = c == 'e' || c == 'E';
    switch (number_) {
      case Number::minus: number_ = c == '0' ? Number::zero : Number::integer; return digit;
      case Number::integer:
        if (digit) return true;
        [[fallthrough]];
      case Number::zero:
        number_ = c == '.' ? Number::point : e ? Number::e : number_;
        return c == '.' || e;
      case Number::point: number_ = Number::fraction; return digit;
      case Number::fraction:
        if (e) number_ = Number::e;
        return digit || e;
      case Number::e:
        number_ = digit ? Number::exponent : Number::sign;
        return digit || c == '+' || c == '-';
      case Number::sign: number_ = Number::exponent; return digit;
      case Number::exponent: return digit;
    }
    return false;
  };
  Number before = number_;
  while (at_ != end_ && follow(*at_)) {
    ++at_;
    before = number_;
  }
  put({begin, static_cast<std::size_t>(at_ - begin)});
  number_ = before;
  if (at_ == end_) return;
  const bool whole = number_ == Number::zero || number_ == Number::integer ||
                     number_ == Number::fraction || number_ == Number::exponent;
  if (whole) {
    value_done();
  } else {
    fail();
  }
}

void JsonTightener::value_done() noexcept { state_ = depth_ == 0 ? State::done : State::after; }

/// One byte that is right where it stands: whitespace before it may go.
void JsonTightener::token() {
  if (!candidate_) commit();
  put({at_++, 1});
}

void JsonTightener::put(std::string_view text) {
  if (candidate_) {
    raw_ += text;
    tight_ += text;
  } else {
    out_->append(text);
  }
}

void JsonTightener::commit() {
  out_->append(tight_);
  tight_.clear();
  raw_.clear();
}

/// Too much to hold back.
void JsonTightener::overflow() {
  if (!candidate_) tight_ = raw_;
  candidate_ = false;
  commit();
}

void JsonTightener::fail() {
  tight_ = raw_;
  candidate_ = false;
  state_ = State::broken;
  commit();
}

bool tighten_json(std::string_view text, const config::JsonSettings& settings, std::string& out) {
  out.clear();
  out.reserve(text.size());
  JsonTightener tightener(settings, text.size());
  tightener.write(text, out);
  if (tightener.finish(out)) return true;
  out.clear();
  return false;
}

bool is_json_type(std::string_view content_type) noexcept {
  return media_type_matches("application/json", content_type) ||
         media_type_matches("application/*+json", content_type);
}

}  // namespace homeostat::compress
