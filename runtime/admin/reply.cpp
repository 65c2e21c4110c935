#include "runtime/admin/reply.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

namespace homeostat::admin {

namespace json = boost::json;

namespace {

void append(const json::value& value, int depth, std::string& out);

void new_line(int depth, std::string& out) {
  out += '\n';
  out.append(static_cast<std::size_t>(depth) * 2, ' ');
}

void append_number(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end.ptr);
}

void append_array(const json::array& array, int depth, std::string& out) {
  out += '[';
  bool first = true;
  for (const json::value& item : array) {
    if (!std::exchange(first, false)) out += ',';
    new_line(depth + 1, out);
    append(item, depth + 1, out);
  }
  if (!array.empty()) new_line(depth, out);
  out += ']';
}

void append_object(const json::object& object, int depth, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!std::exchange(first, false)) out += ',';
    new_line(depth + 1, out);
    out += json::serialize(member.key());
    out += ": ";
    append(member.value(), depth + 1, out);
  }
  if (!object.empty()) new_line(depth, out);
  out += '}';
}

void append(const json::value& value, int depth, std::string& out) {
  switch (value.kind()) {
    case json::kind::double_: return append_number(value.get_double(), out);
    case json::kind::array: return append_array(value.get_array(), depth, out);
    case json::kind::object: return append_object(value.get_object(), depth, out);
    default: out += json::serialize(value);
  }
}

}  // namespace

std::string status_title(unsigned status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

Reply problem(unsigned status, std::string detail, std::vector<std::string> errors) {
  Reply reply;
  reply.status = status;
  reply.problem = true;
  reply.members["type"] = "about:blank";
  reply.members["title"] = status_title(status);
  reply.members["status"] = status;
  reply.members["detail"] = std::move(detail);
  if (!errors.empty()) {
    json::array list;
    for (std::string& error : errors) list.emplace_back(std::move(error));
    reply.members["errors"] = std::move(list);
  }
  return reply;
}

std::string json_text(const json::value& value) {
  std::string out;
  append(value, 0, out);
  out += '\n';
  return out;
}

}  // namespace homeostat::admin
