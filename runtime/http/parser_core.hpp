// The state machine that request and response parsing share.
//
// Internal to runtime/http. It owns the guard (LineScanner), Beast's parser,
// renewed in place for each message, and the chunk and size accounting. Beast
// reads start lines and the chunked coding with its trailers; field lines are split
// by field_lines.hpp at a sixth of the cost, framing.hpp says what they mean, and
// bodies of a known length, or up to the end of the stream, need no parser.
// Thread safety: none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http/beast_parser.hpp"
#include "runtime/http/field_lines.hpp"
#include "runtime/http/line_scanner.hpp"
#include "runtime/http/parser.hpp"

namespace homeostat::http {

inline constexpr std::size_t chunk_digits_max = 15;  // sizes below 2^60

/// Size and form of a chunk line (without CRLF). A blank anywhere before the
/// extension, a sign or a prefix is refused: recipients disagree about them.
struct ChunkLine {
  bool valid = false;
  std::uint64_t size = 0;
  std::string_view error;
};

[[nodiscard]] inline ChunkLine parse_chunk_line(std::string_view line,
                                                std::size_t extension_bytes_max) noexcept {
  ChunkLine result;
  std::size_t digits = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (digits == chunk_digits_max) {
      result.error = "chunk size too large";
      return result;
    }
    result.size = result.size * 16 + static_cast<std::uint64_t>(hex_value(line[digits]));
    ++digits;
  }
  if (digits == 0 || (digits < line.size() && line[digits] != ';')) {
    result.error = "invalid chunk size";
    return result;
  }
  if (line.size() - digits > extension_bytes_max) {
    result.error = "chunk extension too long";
    return result;
  }
  result.valid = true;
  return result;
}

template <bool is_request>
class ParserCore {
 public:
  enum class State : unsigned char { head, body, chunk_line, chunk_data, complete, failed };

  explicit ParserCore(const ParseLimits& limits) : limits_(limits) {}

  void set_limits(const ParseLimits& limits) noexcept { limits_ = limits; }
  [[nodiscard]] const ParseLimits& limits() const noexcept { return limits_; }

  /// Prepares for the next head.
  void restart() {
    beast_.emplace(output_);
    output_.body = {};
    output_.too_many_fields = false;
    scanner_.reset();
    state_ = State::head;
    idle_ = true;
    first_chunk_ = true;
    body_bytes_ = 0;
    error_ = {};
    if (trailers_) trailers_->clear();
  }

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool idle() const noexcept { return idle_; }
  [[nodiscard]] const BeastOutput& output() const noexcept { return output_; }
  [[nodiscard]] const HeaderTable& trailers() const noexcept {
    static const HeaderTable none;
    return trailers_ ? *trailers_ : none;
  }

  ParseStep fail(unsigned status, std::string_view reason) noexcept {
    state_ = State::failed;
    error_.status = static_cast<std::uint16_t>(is_request ? status : 502U);
    error_.reason = reason;
    return failed();
  }
  [[nodiscard]] ParseStep failed() const noexcept {
    ParseStep step;
    step.event = ParseEvent::error;
    step.error = error_;
    return step;
  }
  [[nodiscard]] static ParseStep need_more(std::size_t consumed) noexcept {
    ParseStep step;
    step.consumed = consumed;
    return step;
  }
  [[nodiscard]] static ParseStep end(std::size_t consumed) noexcept {
    ParseStep step;
    step.event = ParseEvent::end;
    step.consumed = consumed;
    return step;
  }

  /// Size of the complete head at the start of `block`; nothing if it is not
  /// all there yet or was refused (then state() is failed).
  std::optional<std::size_t> scan_head(std::string_view block) {
    if (!block.empty()) idle_ = false;
    const std::size_t limit = limits_.head_bytes_max;
    switch (scanner_.to_empty_line(block.substr(0, limit))) {
      case ScanStatus::complete: return scanner_.line_start();
      case ScanStatus::bad: fail(400, scanner_.reason()); return std::nullopt;
      case ScanStatus::need_more: break;
    }
    if (block.size() < limit) return std::nullopt;
    if (scanner_.first_line_size() == 0) {
      fail(414, "start line too long");
    } else {
      fail(431, "head too large");
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t start_line_size() const noexcept { return scanner_.first_line_size(); }

  /// Gives Beast a start line, with its CRLF.
  bool feed_start_line(std::string_view line) {
    boost::beast::error_code code;
    beast_->feed(line, code);
    if (code == boost::beast::http::error::need_more) return true;
    fail(400, beast_reason(code));
    return false;
  }
  /// After the start line: the complete field lines, which go to `fields`.
  /// `dropped`: as for split_field_lines.
  bool feed_fields(std::string_view lines, HeaderTable& fields, std::size_t* dropped = nullptr) {
    fields.clear();
    switch (split_field_lines(lines, limits_.field_count_max, fields, dropped)) {
      case FieldLines::ok: return true;
      case FieldLines::bad_name: fail(400, "invalid field name"); return false;
      case FieldLines::too_many: fail(431, "too many fields"); return false;
    }
    return false;
  }

  /// After a head: what the next calls read. `length` only for BodyKind::length.
  void expect(BodyKind body, std::uint64_t length) {
    body_left_ = body == BodyKind::until_close ? UINT64_MAX : length;
    if (body == BodyKind::chunked) {
      state_ = State::chunk_line;
      scanner_.reset();
      output_.fields = nullptr;
      feed_whole("Transfer-Encoding: chunked\r\n\r\n");
    } else if (body == BodyKind::none || body_left_ == 0) {
      state_ = State::complete;
    } else {
      state_ = State::body;
    }
  }

  /// Next event after the head.
  ParseStep next_body(std::string_view input) {
    std::size_t consumed = 0;
    if (state_ == State::chunk_line) {
      const std::size_t taken = read_chunk_line(input);
      if (state_ == State::failed) return failed();
      if (state_ == State::complete) return end(taken);
      consumed = taken;
    }
    if (state_ == State::complete) return end(0);
    if (state_ == State::failed) return failed();
    if (state_ == State::chunk_line || consumed == input.size()) return need_more(consumed);
    return state_ == State::body ? read_plain(input, consumed) : read_chunk(input, consumed);
  }

 private:
  bool feed_whole(std::string_view bytes) {
    boost::beast::error_code code;
    const std::size_t consumed = beast_->feed(bytes, code);
    if (!code && consumed == bytes.size()) return true;
    if (output_.too_many_fields) {
      fail(431, "too many fields");
    } else {
      fail(400, beast_reason(code));
    }
    return false;
  }

  /// Bytes taken: 0 while the line (for the last chunk: the trailer section)
  /// is incomplete.
  std::size_t read_chunk_line(std::string_view input) {
    const std::size_t prefix = first_chunk_ ? 0 : 2;  // CRLF after the chunk before
    if (prefix != 0) {
      if (!input.empty() && input[0] != '\r') return refuse("missing CRLF after chunk data");
      if (input.size() >= 2 && input[1] != '\n') return refuse("missing CRLF after chunk data");
      if (input.size() < 2) return 0;
    }
    const std::string_view block = input.substr(prefix);
    if (scanner_.first_line_size() == 0 && !scan_chunk_line(block)) return 0;
    if (chunk_size_ == 0) return read_trailers(input, block, prefix);
    if (!feed_whole(input.substr(0, prefix + scanner_.first_line_size()))) return 0;
    const std::size_t taken = prefix + scanner_.first_line_size();
    scanner_.reset();
    first_chunk_ = false;
    state_ = State::chunk_data;
    chunk_left_ = chunk_size_;
    return taken;
  }

  bool scan_chunk_line(std::string_view block) {
    const std::size_t limit = chunk_digits_max + limits_.chunk_extension_bytes_max + 2;
    switch (scanner_.next_line(block.substr(0, limit))) {
      case ScanStatus::need_more:
        if (block.size() >= limit) refuse("chunk line too long");
        return false;
      case ScanStatus::bad: refuse(scanner_.reason()); return false;
      case ScanStatus::complete: break;
    }
    const std::string_view line = block.substr(0, scanner_.first_line_size() - 2);
    const ChunkLine parsed = parse_chunk_line(line, limits_.chunk_extension_bytes_max);
    if (!parsed.valid) {
      refuse(parsed.error);
      return false;
    }
    chunk_size_ = parsed.size;
    return account(parsed.size);
  }

  std::size_t read_trailers(std::string_view input, std::string_view block, std::size_t prefix) {
    const std::size_t limit = limits_.trailer_bytes_max;
    const ScanStatus status = scanner_.to_empty_line(block.substr(0, limit));
    if (status == ScanStatus::bad) return refuse(scanner_.reason());
    if (status == ScanStatus::need_more) {
      if (block.size() >= limit) fail(431, "trailers too large");
      return 0;
    }
    if (!trailers_) trailers_ = std::make_unique<HeaderTable>();
    trailers_->clear();
    output_.fields = trailers_.get();
    output_.field_count_max = limits_.trailer_count_max;
    output_.underscores = limits_.underscores;
    const std::size_t size = prefix + scanner_.line_start();
    if (!feed_whole(input.substr(0, size))) return 0;
    state_ = State::complete;
    return size;
  }

  ParseStep read_plain(std::string_view input, std::size_t offset) {
    std::string_view data = input.substr(offset);
    if (body_left_ == UINT64_MAX) {
      if (limits_.body_bytes_max != 0) {
        // Up to the bound first, so that the outcome does not depend on the pieces.
        if (body_bytes_ == limits_.body_bytes_max) return fail(413, "body too large");
        data = data.substr(0, limits_.body_bytes_max - body_bytes_);
        body_bytes_ += data.size();
      }
    } else {
      data = data.substr(0, body_left_);
      body_left_ -= data.size();
      if (body_left_ == 0) state_ = State::complete;
    }
    return piece(data, offset + data.size());
  }

  ParseStep read_chunk(std::string_view input, std::size_t offset) {
    boost::beast::error_code code;
    output_.body = {};
    const std::size_t taken = beast_->feed(input.substr(offset), code);
    if (code) return fail(400, beast_reason(code));
    chunk_left_ -= taken;
    if (chunk_left_ == 0) state_ = State::chunk_line;
    return piece(output_.body, offset + taken);
  }

  [[nodiscard]] static ParseStep piece(std::string_view body, std::size_t consumed) noexcept {
    ParseStep step;
    step.event = ParseEvent::body;
    step.consumed = consumed;
    step.body = body;
    return step;
  }

  /// Counts decoded bytes against the limit.
  bool account(std::uint64_t bytes) {
    body_bytes_ += bytes;
    if (limits_.body_bytes_max != 0 && body_bytes_ > limits_.body_bytes_max) {
      fail(413, "body too large");
      return false;
    }
    return true;
  }

  std::size_t refuse(std::string_view reason) {
    fail(400, reason);
    return 0;
  }

  ParseLimits limits_;
  BeastOutput output_;
  std::optional<BeastParser<is_request>> beast_;
  LineScanner scanner_;
  State state_ = State::head;
  bool idle_ = true;
  bool first_chunk_ = true;
  std::uint64_t chunk_size_ = 0;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t body_left_ = 0;   ///< state body; UINT64_MAX: up to the end of the stream
  std::uint64_t body_bytes_ = 0;  ///< decoded, where the length is not known before
  ParseError error_;
  std::unique_ptr<HeaderTable> trailers_;  // made when the first trailers come
};

}  // namespace homeostat::http
