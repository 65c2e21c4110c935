// A response whose bytes are all at hand: errors, rejections, and the rest of
// an object the socket had no room for.
//
// Thread safety: none; one worker.
#pragma once

#include <string>
#include <string_view>

#include "runtime/cache/object.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/outgoing.hpp"

namespace homeostat::proxy {

/// As `Allow` has it: the rest this agent answers or refuses itself.
inline constexpr std::string_view methods_forwarded =
    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

class LocalResponse final : public Exchange {
 public:
  /// `text` = head and perhaps body; then `object`'s body if not null, all but
  /// its first `skip` bytes. `full`: the socket has just refused more.
  LocalResponse(ClientConnection& connection, std::string text, cache::ObjectPtr object,
                std::uint64_t skip, bool reusable, bool full = false);

  void start() override;
  void on_client_readable() override {}
  void on_client_writable() override { proceed(); }
  void on_client_deadline(ClientWait wait) override;
  void on_client_gone() override;

 private:
  void proceed();
  void queue_parts();

  Ref<ClientConnection> connection_;
  std::string text_;
  cache::ObjectPtr object_;
  std::size_t part_ = 0;
  std::uint64_t skip_;
  bool reusable_;
  bool full_;
  bool text_queued_ = false;
  Outgoing out_;
};

/// An RFC 9457 problem answer. `fields` are complete header lines.
[[nodiscard]] Ref<Exchange> make_error_response(ClientConnection& connection, unsigned status,
                                                std::string_view detail,
                                                std::string_view cache_status = {},
                                                std::string_view fields = {});

/// Says what this agent does for an OPTIONS that goes no further.
[[nodiscard]] Ref<Exchange> make_options_response(ClientConnection& connection);

struct ErrorAnswer {
  unsigned status;
  std::string_view detail;
  std::string_view cache_status = {};  ///< empty: refused before the cache was asked
  std::string_view fields = {};        ///< complete header lines
  std::string_view type = "about:blank";
  std::string_view members = {};  ///< further members of the problem, each after a comma
};

/// The same, sent at once, without an exchange unless the socket is full: for
/// refusals, which must cost next to nothing.
void send_error(ClientConnection& connection, const ErrorAnswer& answer);

}  // namespace homeostat::proxy
