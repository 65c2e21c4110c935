#include "runtime/http/field_lines.hpp"

#include <cstring>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {

FieldLines split_field_lines(std::string_view block, std::size_t count_max, HeaderTable& fields) {
  const char* at = block.data();
  const char* const end = at + block.size();
  // The scanner found an empty line at the end: each loop below stops at a CR.
  while (at < end && *at != '\r') {
    const char* const line = at;
    while (is_token_char(*at)) ++at;
    if (*at != ':' || at == line) return FieldLines::bad_name;
    const std::string_view name(line, static_cast<std::size_t>(at - line));
    const char* value = at + 1;
    while (is_blank(*value)) ++value;
    at = static_cast<const char*>(std::memchr(value, '\r', static_cast<std::size_t>(end - value)));
    const char* last = at;
    while (last > value && is_blank(last[-1])) --last;
    at += 2;
    if (fields.size() >= count_max ||
        !fields.add(name, {value, static_cast<std::size_t>(last - value)}, header_id(name))) {
      return FieldLines::too_many;
    }
  }
  return FieldLines::ok;
}

}  // namespace homeostat::http
