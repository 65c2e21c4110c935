// Pull parsers for HTTP/1.x messages: bytes in, views out. No sockets.
//
// Purpose: strict framing (RFC 9112, in particular sections 6.3 and 11) on top
// of Boost.Beast's basic_parser. A guard scans each head, chunk line and
// trailer section once before anything else sees it and refuses what Beast
// tolerates: bare CR or LF, line folding, control bytes, unusual chunk sizes. Fields
// and bodies without chunks are read without Beast (parser_core.hpp).
//
// Use: call next() with all bytes received and not yet consumed. Drop
// `consumed` bytes from the front after every call, whatever the event (it may
// be positive for need_more too); then act on the event:
//   need_more  supply the rest plus new bytes
//   head       head() is filled (once per message)
//   interim    response only: a 1xx head is in head(); the final one follows
//   body       `body` is a piece of decoded payload, inside `input`
//   end        message complete; trailers() is filled; call reset() to go on
//   error      the connection's framing is lost; answer and close
// Every message ends with `end`, also one without a body (consumed 0). Calls
// after `end` or `error` repeat that event until reset().
//
// Lifetime of views: head() points into the `input` of the call that returned
// head or interim; body and trailers() into the `input` of the call that
// returned them. The caller keeps these bytes unchanged while it reads the views.
//
// Memory: two allocations per parser object, none per message (one more, kept,
// when a head has more than 64 fields). Work: linear in the bytes supplied,
// also when they arrive one by one.
// Thread safety: none; one owner. Movable, not copyable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/http/message.hpp"

namespace homeostat::http {

/// Why a message was refused. `reason` is static text, one short phrase.
struct ParseError {
  std::uint16_t status = 0;  ///< 400, 413, 414, 431, 505; 502 for responses
  std::string_view reason;
};

enum class ParseEvent : std::uint8_t { need_more, head, interim, body, end, error };

struct ParseStep {
  ParseEvent event = ParseEvent::need_more;
  std::size_t consumed = 0;  ///< bytes of `input` to drop
  std::string_view body;     ///< event body only
  ParseError error;          ///< event error only
};

struct ParseLimits {
  std::size_t head_bytes_max = 32 * 1024;    ///< start line + fields; 431
  std::size_t target_bytes_max = 8 * 1024;   ///< request target; 414
  std::size_t field_count_max = 100;         ///< at most HeaderTable::capacity_max; 431
  std::uint64_t body_bytes_max = 0;          ///< decoded; 0 = unlimited; 413
  std::size_t trailer_bytes_max = 8 * 1024;  ///< with the last chunk's line; 431
  std::size_t trailer_count_max = 64;        ///< 431
  std::size_t chunk_extension_bytes_max = 256;
  unsigned interim_max = 16;  ///< 1xx responses before the final one
  /// False: fields with `_` in their names are left out, trailers too. Servers that hand
  /// fields on as variables (CGI, WSGI, Rack) take `_` for `-`, and so one field for another.
  bool underscores = true;
};

/// Facts about the request that the framing of its response depends on.
struct ResponseContext {
  bool head_request = false;       ///< HEAD: no body
  bool connect_request = false;    ///< CONNECT: a 2xx starts a tunnel
  bool upgrade_requested = false;  ///< without it 101 is an error
};

class RequestParser {
 public:
  explicit RequestParser(const ParseLimits& limits = {});
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  [[nodiscard]] ParseStep next(std::string_view input);
  /// Ready for the next message on the connection.
  void reset();
  void reset(const ParseLimits& limits);

  [[nodiscard]] const RequestHead& head() const noexcept;
  /// Trailer fields; meaningful at event end.
  [[nodiscard]] const HeaderTable& trailers() const noexcept;
  /// Whether no byte of the current message has been seen yet.
  [[nodiscard]] bool idle() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  explicit ResponseParser(const ParseLimits& limits = {});
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;

  [[nodiscard]] ParseStep next(std::string_view input);
  /// The peer closed: `end` if the body was delimited by that (or the message
  /// was complete), `error` if the message is truncated. All received bytes
  /// must have been given to next() first.
  [[nodiscard]] ParseStep finish();
  void reset(const ResponseContext& context);

  [[nodiscard]] const ResponseHead& head() const noexcept;
  [[nodiscard]] const HeaderTable& trailers() const noexcept;
  /// Whether no byte of the current response (interim ones included) was seen.
  /// An upstream that closes while this is true may never have seen the request.
  [[nodiscard]] bool idle() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace homeostat::http
