#include "runtime/admin/request_body.hpp"

#include <algorithm>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <new>

namespace homeostat::admin {

namespace json = boost::json;

namespace {

/// Memory for one body. Its bytes bound it poorly: `[[0]]` takes twenty times what it says.
class BoundedMemory final : public json::memory_resource {
 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    if (bytes > left_ || align > __STDCPP_DEFAULT_NEW_ALIGNMENT__) throw std::bad_alloc();
    void* const memory = ::operator new(bytes);
    left_ -= bytes;
    return memory;
  }
  // Not all that Boost gives back names the alignment with which it was asked for.
  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    ::operator delete(memory);
    left_ += bytes;
  }
  [[nodiscard]] bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::size_t left_ = body_memory_max;
};

/// Throws std::bad_alloc where there are too many values.
std::variant<json::object, Reply> parse(const std::string& body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error, json::make_shared_resource<BoundedMemory>());
  if (error) return problem(400, "the body is not valid JSON: " + error.message());
  if (!value.is_object()) return problem(400, "the body must be a JSON object");
  return std::move(value.get_object());
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type == "application/json";
}

/// "hard or soft"; a word that comes again, as the standard may, is named once.
std::string one_of(std::initializer_list<std::string_view> words) {
  std::vector<std::string_view> named;
  for (const std::string_view word : words) {
    if (!word.empty()) named.push_back(word);
  }
  if (std::count(named.begin(), named.end(), named.front()) > 1) named.erase(named.begin());
  std::string text(named.front());
  for (std::size_t i = 1; i < named.size(); ++i) {
    text += (i + 1 < named.size() ? ", " : " or ") + std::string(named[i]);
  }
  return text;
}

}  // namespace

std::string instead_of(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 32 && c < 127; });
  if (text.empty() || text.size() > bytes_max || !plain) return {};
  return ", not `" + std::string(text) + "`";
}

std::variant<json::object, Reply> read_body(const AdminRequest& request) {
  if (request.body.empty()) return json::object{};
  if (!is_json(request.content_type)) {
    return problem(415, "the body must be JSON: send Content-Type: application/json");
  }
  try {
    return parse(request.body);
  } catch (const std::bad_alloc&) {
    return problem(413, "the body holds too many values: at most " +
                            std::to_string(body_memory_max / 1'048'576) + " MiB of memory");
  }
}

const json::value* BodyReader::member(std::string_view name) {
  known_.push_back(name);
  return body_.if_contains(name);
}

std::string BodyReader::required_text(std::string_view name) {
  const json::value* const value = member(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) {
    fail(std::string(name) + ": expected a text that is not empty");
    return {};
  }
  return std::string(value->get_string());
}

std::optional<bool> BodyReader::required_flag(std::string_view name) {
  const json::value* const value = member(name);
  if (value == nullptr || !value->is_bool()) {
    fail(std::string(name) + ": expected true or false");
    return std::nullopt;
  }
  return value->get_bool();
}

std::string BodyReader::required_reason() {
  std::string reason = required_text("reason");
  if (reason.size() > reason_bytes_max) fail("reason: at most 500 bytes");
  return reason;
}

std::string BodyReader::optional_reason() {
  if (!body_.contains("reason")) {
    known_.push_back("reason");
    return {};
  }
  return required_reason();
}

std::vector<std::string> BodyReader::optional_texts(std::string_view name) {
  std::vector<std::string> texts;
  const json::value* const value = member(name);
  if (value == nullptr) return texts;
  const auto bad = [](const json::value& item) {
    return !item.is_string() || item.get_string().empty();
  };
  if (!value->is_array() || value->get_array().size() > texts_max ||
      std::any_of(value->get_array().begin(), value->get_array().end(), bad)) {
    fail(std::string(name) + ": expected a list of at most 1000 texts that are not empty");
    return texts;
  }
  for (const json::value& item : value->get_array()) texts.emplace_back(item.get_string());
  return texts;
}

std::string BodyReader::optional_text(std::string_view name) {
  const json::value* const value = member(name);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  fail(std::string(name) + ": expected a text");
  return {};
}

std::string BodyReader::optional_word(std::string_view name,
                                      std::initializer_list<std::string_view> words) {
  const json::value* const value = member(name);
  if (value == nullptr) return std::string(*words.begin());
  const auto same = [&](std::string_view word) {
    return value->is_string() && std::string_view(value->get_string()) == word;
  };
  if (std::any_of(words.begin(), words.end(), same)) return std::string(value->get_string());
  fail(std::string(name) + ": expected " + one_of(words) +
       instead_of(value->is_string() ? std::string_view(value->get_string()) : ""));
  return {};
}

void BodyReader::refuse_others() {
  for (const auto& item : body_) {
    const std::string_view key = item.key();
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      fail(std::string(key.substr(0, 64)) + ": not known here");
    }
  }
}

Reply BodyReader::to_problem() const { return problem(422, "the body cannot be used", errors_); }

}  // namespace homeostat::admin
