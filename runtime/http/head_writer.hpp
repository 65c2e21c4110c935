// Writing message heads into a caller-owned buffer.
//
// Appends only; the buffer's capacity is reused from message to message, so a
// warm connection writes heads without allocating. Thread safety: none; one
// owner. REQUIRES for field(): name is a token and value has no CR, LF or NUL,
// as parsed fields are; text from elsewhere goes through field_sanitized().
// Source: RFC 9112 sections 3 and 4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/http/header_id.hpp"
#include "runtime/http/header_table.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::http {

/// Appends a decimal number.
void append_number(std::string& out, std::uint64_t value);

class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) noexcept : out_(out) {}

  /// "HTTP/1.1 200 OK" with the standard reason phrase.
  HeadWriter& status_line(unsigned status, unsigned version_minor = 1);
  HeadWriter& status_line(unsigned status, std::string_view reason, unsigned version_minor = 1);
  HeadWriter& request_line(std::string_view method, std::string_view target,
                           unsigned version_minor = 1);

  HeadWriter& field(std::string_view name, std::string_view value) {
    const std::size_t start = out_.size();
    out_.resize(start + name.size() + value.size() + 4);
    char* cursor = out_.data() + start;
    cursor += name.copy(cursor, name.size());
    *cursor++ = ':';
    *cursor++ = ' ';
    cursor += value.copy(cursor, value.size());
    *cursor++ = '\r';
    *cursor = '\n';
    return *this;
  }
  HeadWriter& field(HeaderId id, std::string_view value) { return field(header_name(id), value); }
  HeadWriter& field(const Field& parsed) {
    const char* const after = parsed.name.data() + parsed.name.size();
    if (parsed.value.data() != after + 2 || after[0] != ':' || after[1] != ' ') {
      return field(parsed.name, parsed.value);
    }
    // The line as it came, as nearly every sender writes it.
    out_.append(parsed.name.data(), parsed.name.size() + 2 + parsed.value.size());
    out_.append("\r\n", 2);
    return *this;
  }
  HeadWriter& field(std::string_view name, std::uint64_t value);
  HeadWriter& field(HeaderId id, std::uint64_t value) { return field(header_name(id), value); }
  /// Replaces control bytes in the value by spaces; for untrusted text.
  HeadWriter& field_sanitized(std::string_view name, std::string_view value);

  /// The empty line after the last field.
  HeadWriter& end() {
    out_.append("\r\n", 2);
    return *this;
  }

  [[nodiscard]] std::string& buffer() noexcept { return out_; }

 private:
  std::string& out_;
};

}  // namespace homeostat::http
