// Boost.Beast's basic_parser with its callbacks turned into plain values.
//
// Internal to runtime/http: only the parsers' source files include it, so that
// Beast is compiled in two places. It sees start lines, chunks
// and trailer sections, the lines complete and already accepted by the LineScanner.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string_view>

#include "runtime/http/field_lines.hpp"
#include "runtime/http/header_table.hpp"

namespace homeostat::http {

/// What Beast reported; filled during feed().
struct BeastOutput {
  HeaderTable* fields = nullptr;  ///< where trailers go; null: nowhere
  std::size_t field_count_max = 0;
  bool too_many_fields = false;
  bool underscores = true;  ///< ParseLimits::underscores
  std::string_view method;
  std::string_view target;
  std::string_view reason;
  int status = 0;
  int version = 11;  ///< 10 or 11
  std::string_view body;
};

template <bool is_request>
class BeastParser final : public boost::beast::http::basic_parser<is_request> {
  using base = boost::beast::http::basic_parser<is_request>;
  using text = boost::beast::string_view;
  using error_code = boost::beast::error_code;

 public:
  explicit BeastParser(BeastOutput& output) : output_(output) {
    // Our own limits apply; these would only contradict them.
    base::body_limit(boost::none);
    base::header_limit(UINT32_MAX);
  }

  /// Bytes consumed; `error` is set as by basic_parser::put.
  std::size_t feed(std::string_view input, error_code& error) {
    return base::put(boost::asio::const_buffer(input.data(), input.size()), error);
  }

 protected:
  void on_request_impl(boost::beast::http::verb, text method, text target, int version,
                       error_code&) override {
    output_.method = view(method);
    output_.target = view(target);
    output_.version = version;
  }
  void on_response_impl(int status, text reason, int version, error_code&) override {
    output_.status = status;
    output_.reason = view(reason);
    output_.version = version;
  }
  void on_field_impl(boost::beast::http::field, text name, text value, error_code& error) override {
    if (output_.fields == nullptr) return;
    if (!output_.underscores && !is_plain_name(view(name))) return;
    HeaderTable& fields = *output_.fields;
    if (fields.size() >= output_.field_count_max || !fields.add(view(name), view(value))) {
      output_.too_many_fields = true;
      error = boost::beast::http::error::header_limit;
    }
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text body, error_code&) override {
    output_.body = view(body);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code&) override {
    output_.body = view(body);
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

 private:
  static std::string_view view(text t) noexcept { return {t.data(), t.size()}; }

  BeastOutput& output_;
};

/// A short static phrase for an error of Beast's.
[[nodiscard]] inline std::string_view beast_reason(const boost::beast::error_code& code) noexcept {
  using Code = boost::beast::http::error;
  switch (static_cast<Code>(code.value())) {
    case Code::bad_method: return "invalid method";
    case Code::bad_target: return "invalid request target";
    case Code::bad_version: return "malformed start line";
    case Code::bad_status: return "invalid status";
    case Code::bad_reason: return "invalid reason phrase";
    case Code::bad_field: return "invalid field name";
    case Code::bad_value: return "invalid field value";
    case Code::bad_content_length: return "invalid Content-Length";
    case Code::multiple_content_length: return "repeated Content-Length";
    case Code::bad_transfer_encoding: return "invalid Transfer-Encoding";
    case Code::bad_chunk: return "invalid chunk size";
    case Code::bad_chunk_extension: return "invalid chunk extension";
    default: return "malformed message";
  }
}

}  // namespace homeostat::http
