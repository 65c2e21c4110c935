#include "runtime/app/admin_client.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <utility>

#include "runtime/alert/http_client.hpp"

namespace homeostat::app {

namespace json = boost::json;

namespace {

constexpr std::size_t answer_bytes_max = std::size_t{16} * 1024 * 1024;

/// JSON on one line with numbers as people write them ("0.7", not "7E-1"). Members that hold
/// lists are rare and shallow here.
std::string plain_json(const json::value& value) {
  if (value.is_double()) return fmt::format("{:.6g}", value.get_double());
  if (!value.is_object()) return json::serialize(value);
  std::string out = "{";
  for (const auto& [name, member] : value.get_object()) {
    out += (out.size() > 1 ? "," : "") + json::serialize(name) + ":" + plain_json(member);
  }
  return out + "}";
}

}  // namespace

const json::value& member_at(const json::value& document, const std::string& path) {
  static const json::value nothing;
  const json::value* found = &document;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const json::object* object = found->if_object();
    if (object == nullptr) return nothing;
    found = object->if_contains(path.substr(begin, end - begin));
    if (found == nullptr) return nothing;
    begin = end + 1;
  }
  return *found;
}

std::string shown(const json::value& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? std::string(value.get_string()) : plain_json(value);
}

std::string marks(const json::value& of) {
  std::string out;
  constexpr std::pair<const char*, const char*> known[] = {
      {"dry_run", " [dry run]"}, {"injected", " [injected]"}, {"shadow", " [shadow]"}};
  for (const auto& [member, mark] : known) {
    if (member_at(of, member) == json::value(true)) out += mark;
  }
  return out;
}

std::variant<json::value, std::string> get_json(const AdminTarget& target,
                                                const std::string& path) {
  auto parsed = alert::parse_http_url(target.url + path);
  if (const auto* error = std::get_if<alert::UrlError>(&parsed)) return error->message;
  alert::HttpCall call;
  call.method = "GET";
  call.url = std::get<alert::HttpUrl>(std::move(parsed));
  call.response_bytes_max = answer_bytes_max;
  const char* environment = std::getenv("HOMEOSTAT_ADMIN_TOKEN");
  const std::string token = !target.token.empty()    ? target.token
                            : environment != nullptr ? environment
                                                     : "";
  if (!token.empty()) call.authorization = "Bearer " + token;
  boost::asio::io_context context;
  alert::HttpResult result;
  alert::http_send(context, std::move(call),
                   [&result](alert::HttpResult answer) { result = std::move(answer); });
  context.run();
  if (!result.success()) return target.url + path + ": " + result.describe();
  boost::system::error_code error;
  json::value document = json::parse(result.body, error);
  if (error) return target.url + path + ": the answer is not JSON";
  return document;
}

}  // namespace homeostat::app
