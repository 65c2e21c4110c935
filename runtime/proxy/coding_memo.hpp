// Remembers what the last Accept-Encoding meant: the clients of one worker send
// few different ones, and comparing is cheaper than parsing.
//
// Thread safety: none; one worker.
#pragma once

#include <string>
#include <string_view>

#include "runtime/http/accept_encoding.hpp"

namespace homeostat::proxy {

class CodingMemo {
 public:
  [[nodiscard]] const http::CodingWishes& of(const http::HeaderTable& request) {
    const http::Field* field = request.find(http::HeaderId::accept_encoding);
    if (field == nullptr) return absent_;
    const bool single = request.count(http::HeaderId::accept_encoding) == 1;
    if (single && known_ && field->value == text_) return wishes_;
    wishes_ = http::coding_wishes(request);
    known_ = single && field->value.size() <= text_bytes_max;
    if (known_) text_ = field->value;
    return wishes_;
  }

 private:
  static constexpr std::size_t text_bytes_max = 256;
  const http::CodingWishes absent_;
  http::CodingWishes wishes_;
  std::string text_;
  bool known_ = false;
};

}  // namespace homeostat::proxy
