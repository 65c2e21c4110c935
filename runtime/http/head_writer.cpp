#include "runtime/http/head_writer.hpp"

#include <array>
#include <charconv>

namespace homeostat::http {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

HeadWriter& HeadWriter::status_line(unsigned status, unsigned version_minor) {
  if (status == 200 && version_minor == 1) {
    out_.append("HTTP/1.1 200 OK\r\n");
    return *this;
  }
  return status_line(status, reason_phrase(status), version_minor);
}

HeadWriter& HeadWriter::status_line(unsigned status, std::string_view reason,
                                    unsigned version_minor) {
  out_.append(version_minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ", 9);
  append_number(out_, status);
  out_.push_back(' ');
  out_.append(reason).append("\r\n", 2);
  return *this;
}

HeadWriter& HeadWriter::request_line(std::string_view method, std::string_view target,
                                     unsigned version_minor) {
  out_.append(method).push_back(' ');
  out_.append(target).append(version_minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n", 11);
  return *this;
}

HeadWriter& HeadWriter::field(std::string_view name, std::uint64_t value) {
  out_.append(name).append(": ", 2);
  append_number(out_, value);
  out_.append("\r\n", 2);
  return *this;
}

HeadWriter& HeadWriter::field_sanitized(std::string_view name, std::string_view value) {
  out_.append(name).append(": ", 2);
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out_.push_back((byte < 0x20 && c != '\t') || byte == 0x7f ? ' ' : c);
  }
  out_.append("\r\n", 2);
  return *this;
}

}  // namespace homeostat::http
