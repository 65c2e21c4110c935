#include "runtime/http/message.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace homeostat::http {
namespace {

constexpr std::array<std::string_view, 9> method_names = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"};

constexpr Method only_if(std::string_view text, Method method) {
  return text == method_names[static_cast<std::size_t>(method)] ? method : Method::other;
}

struct Reason {
  unsigned status;
  std::string_view phrase;
};

/// Sorted by status.
constexpr Reason reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

}  // namespace

Method method_from(std::string_view text) noexcept {
  if (text.empty()) return Method::other;
  switch (text[0]) {
    case 'G': return only_if(text, Method::get);
    case 'H': return only_if(text, Method::head);
    case 'P':
      if (text == "POST") return Method::post;
      if (text == "PUT") return Method::put;
      return only_if(text, Method::patch);
    case 'D': return only_if(text, Method::delete_);
    case 'O': return only_if(text, Method::options);
    case 'C': return only_if(text, Method::connect);
    case 'T': return only_if(text, Method::trace);
    default: return Method::other;
  }
}

std::string_view method_name(Method method) noexcept {
  const auto index = static_cast<std::size_t>(method);
  return index < method_names.size() ? method_names[index] : std::string_view{};
}

std::string_view reason_phrase(unsigned status) noexcept {
  const auto* found = std::ranges::lower_bound(reasons, status, {}, &Reason::status);
  return found != std::end(reasons) && found->status == status ? found->phrase : "Unknown";
}

}  // namespace homeostat::http
