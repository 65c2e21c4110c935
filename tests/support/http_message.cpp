#include "tests/support/http_message.hpp"

#include <algorithm>
#include <cstdlib>

namespace homeostat::test {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool add_field(Message::Fields& fields, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  fields.emplace_back(lower(line.substr(0, colon)), value);
  return true;
}

std::string joined(const Message::Fields& fields, std::string_view name) {
  std::string result;
  for (const auto& [key, value] : fields) {
    if (key != lower(name)) continue;
    if (!result.empty()) result += ", ";
    result += value;
  }
  return result;
}

std::string word(const std::string& line, int index) {
  std::size_t begin = 0;
  for (; index > 0; --index) {
    begin = line.find(' ', begin);
    if (begin == std::string::npos) return {};
    ++begin;
  }
  return line.substr(begin, line.find(' ', begin) - begin);
}

}  // namespace

int Message::status() const {
  return start_line.starts_with("HTTP/1.") ? std::atoi(word(start_line, 1).c_str()) : 0;
}
std::string Message::method() const { return word(start_line, 0); }
std::string Message::target() const { return word(start_line, 1); }
std::string Message::get(std::string_view name) const { return joined(fields, name); }
std::string Message::trailer(std::string_view name) const { return joined(trailers, name); }

bool Message::has(std::string_view name) const {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const auto& field) { return field.first == lower(name); });
}

bool MessageReader::more() {
  last_ = socket_->receive(buffer_);
  return last_ == Socket::Received::bytes;
}

bool MessageReader::read_line(std::string& line) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

std::optional<Message> MessageReader::read_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  Message message;
  message.head = buffer_.substr(0, end + 4);
  (void)read_line(message.start_line);
  std::string line;
  while (read_line(line) && !line.empty()) {
    if (!add_field(message.fields, line)) return std::nullopt;
  }
  return message;
}

void MessageReader::take(Message& message, std::size_t bytes, const Sink& sink) {
  message.body_bytes += bytes;
  if (sink) {
    sink(std::string_view(buffer_).substr(0, bytes));
  } else {
    message.body.append(buffer_, 0, bytes);
  }
  buffer_.erase(0, bytes);
}

void MessageReader::read_length(Message& message, std::size_t length, const Sink& sink) {
  while (length > 0) {
    if (buffer_.empty() && !more()) return;
    const std::size_t bytes = std::min(length, buffer_.size());
    take(message, bytes, sink);
    length -= bytes;
  }
  message.complete = true;
}

void MessageReader::read_chunked(Message& message, const Sink& sink) {
  std::string line;
  while (read_line(line)) {
    char* end = nullptr;
    const std::size_t size = std::strtoull(line.c_str(), &end, 16);
    if (end == line.c_str()) return;
    if (size == 0) {
      while (read_line(line)) {
        if (line.empty()) {
          message.complete = true;
          return;
        }
        add_field(message.trailers, line);
      }
      return;
    }
    Message part;
    read_length(part, size, [&](std::string_view bytes) {
      message.body_bytes += bytes.size();
      if (sink) {
        sink(bytes);
      } else {
        message.body += bytes;
      }
    });
    if (!part.complete || !read_line(line) || !line.empty()) return;
  }
}

void MessageReader::read_request_body(Message& message, const Sink& sink) {
  if (lower(message.get("transfer-encoding")) == "chunked") {
    read_chunked(message, sink);
  } else {
    read_length(message, std::strtoull(message.get("content-length").c_str(), nullptr, 10), sink);
  }
}

void MessageReader::read_response_body(Message& message, bool to_head, const Sink& sink) {
  const int status = message.status();
  if (to_head || status < 200 || status == 204 || status == 304) {
    message.complete = true;
  } else if (lower(message.get("transfer-encoding")) == "chunked") {
    read_chunked(message, sink);
  } else if (message.has("content-length")) {
    read_length(message, std::strtoull(message.get("content-length").c_str(), nullptr, 10), sink);
  } else {
    do {
      take(message, buffer_.size(), sink);
    } while (more());
    message.complete = last_ == Socket::Received::end;
  }
}

std::string MessageReader::read_chunk() {
  std::string line;
  if (!read_line(line)) return {};
  const std::size_t size = std::strtoull(line.c_str(), nullptr, 16);
  std::string data = read_exactly(size);
  if (!read_line(line)) return {};
  return data;
}

std::string MessageReader::read_exactly(std::size_t bytes) {
  while (buffer_.size() < bytes && more()) {
  }
  std::string result = buffer_.substr(0, bytes);
  buffer_.erase(0, result.size());
  return result;
}

std::string MessageReader::read_to_end() {
  while (more()) {
  }
  return std::exchange(buffer_, {});
}

bool MessageReader::at_end() {
  return buffer_.empty() && !more() && last_ != Socket::Received::timeout;
}

}  // namespace homeostat::test
