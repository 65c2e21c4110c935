// What a Redis that lies may send: bounds hold, nested replies end, and how the bytes are
// cut into reads changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/reply.hpp"

namespace {

using namespace homeostat::redis;

constexpr ReplyReader::Bounds bounds{4096, 64};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Size {
  std::size_t bytes = 0, elements = 0;
};

void measure(const Reply& reply, Size& size) {
  size.bytes += reply.text.size();
  size.elements += reply.elements.size();
  require(reply.is(Reply::Type::array) || reply.elements.empty());
  for (const Reply& element : reply.elements) measure(element, size);
}

void append(const Reply& reply, std::string& text) {
  text += std::to_string(static_cast<int>(reply.type)) + ":" + std::to_string(reply.integer) + ":" +
          std::to_string(reply.text.size()) + ":" + reply.text + "(";
  for (const Reply& element : reply.elements) append(element, text);
  text += ")";
}

/// All replies of the input, given in pieces of that size, as one text.
std::string read_all(std::string_view input, std::size_t piece) {
  ReplyReader reader(bounds);
  std::string text;
  while (!input.empty() && !reader.broken()) {
    const std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    reader.feed(part);
    while (const std::optional<Reply> reply = reader.next()) {
      Size size;
      measure(*reply, size);
      require(size.bytes <= bounds.bytes_max && size.elements <= bounds.elements_max);
      append(*reply, text);
    }
  }
  if (reader.broken()) {
    require(!reader.error().empty());
    require(!reader.next().has_value());
  }
  return text;
}

/// The protocol's own words, so that well-formed replies are not a matter of luck.
std::string as_words(std::string_view input) {
  static constexpr std::string_view words[] = {"*", "$", ":", "+", "-", "\r\n", "0", "1",
                                               "2", "3", "4", "5", "6", "7",    "8", "9"};
  std::string text;
  for (const char c : input) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0xF0) {
      text += words[byte % 16];
    } else {
      text += c;
    }
  }
  return text;
}

void check(std::string_view input) {
  if (input.size() > bounds.bytes_max) return;
  require(read_all(input, input.size()) == read_all(input, 1 + input.size() % 7));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(input);
  check(as_words(input));
  return 0;
}
