// Answers Range requests from stored objects: 206 with one range or as
// multipart/byteranges, or 416 (RFC 9110 sections 14 and 15.3.7).
//
// The body is sent from the object's own blocks; only heads are made.
// Thread safety: none; one worker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/http/byte_range.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/outgoing.hpp"

namespace homeostat::proxy {

/// What a request's Range means for a response of `length` bytes with this
/// head; `ignored` if there is none or If-Range does not hold. `coded`: other clients,
/// or this one before, may get the body in a coding of this agent's.
[[nodiscard]] http::ByteRanges ranges_of(const RequestContext& request,
                                         const cache::ObjectHead& head, std::uint64_t length,
                                         bool coded);

/// Appends status line and fields of a 206: those of `head` without
/// Content-Length, Content-Range for a single range.
void append_partial_head(const cache::ObjectHead& head, const http::ByteRange& range,
                         std::uint64_t length, std::string& out);

/// Answers with 206 or 416. REQUIRES: ranges.kind() is not `ignored`.
/// `fields`: Age, Cache-Status and so on, with the empty line.
void reply_with_ranges(ClientConnection& connection, cache::ObjectPtr object,
                       const http::ByteRanges& ranges, std::string_view fields);
/// The same 416, for a fill whose length is known.
void reply_unsatisfiable(ClientConnection& connection, std::uint64_t length,
                         std::string_view cache_status);

/// Sends texts and pieces of an object's body in turns.
class RangeResponse final : public Exchange {
 public:
  /// `text` bytes of the text, then `length` bytes of the body from `offset`.
  struct Turn {
    std::size_t text = 0;
    std::uint64_t offset = 0, length = 0;
  };
  RangeResponse(ClientConnection& connection, std::string text, std::vector<Turn> turns,
                cache::ObjectPtr object);

  void start() override { proceed(); }
  void on_client_readable() override {}
  void on_client_writable() override { proceed(); }
  void on_client_deadline(ClientWait wait) override;
  void on_client_gone() override { out_.clear(); }

 private:
  void proceed();
  void queue();
  void queue_body(Turn& turn);

  Ref<ClientConnection> connection_;
  std::string text_;
  std::vector<Turn> turns_;
  cache::ObjectPtr object_;
  std::size_t turn_ = 0;
  std::size_t text_sent_ = 0;
  Outgoing out_;
};

}  // namespace homeostat::proxy
