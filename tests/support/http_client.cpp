#include "tests/support/http_client.hpp"

namespace homeostat::test {

std::string request_text(std::string_view method, std::string_view target, std::string_view fields,
                         std::string_view body) {
  std::string text(method);
  text += " ";
  text += target;
  text += " HTTP/1.1\r\nHost: test\r\n";
  text += fields;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n";
  text += body;
  return text;
}

Message HttpClient::read(bool to_head) {
  std::optional<Message> message = reader.read_head();
  if (!message.has_value()) return {};
  reader.read_response_body(*message, to_head);
  return std::move(*message);
}

Message HttpClient::get(std::string_view target, std::string_view fields) {
  return request("GET", target, fields);
}

Message HttpClient::request(std::string_view method, std::string_view target,
                            std::string_view fields, std::string_view body) {
  if (!send(request_text(method, target, fields, body))) return {};
  return read(method == "HEAD");
}

}  // namespace homeostat::test
