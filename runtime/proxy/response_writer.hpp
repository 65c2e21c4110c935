// Sends one response to one client: head, body framing (length, chunked or
// close), optional encoding and tightening of JSON on the way, back-pressure.
//
// Use: choose a head (start_*), then add() body pieces and flush() until it
// says ok. Pieces are borrowed until then.
// Thread safety: none; one worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/cache/object.hpp"
#include "runtime/compress/encoder.hpp"
#include "runtime/compress/json_tightener.hpp"
#include "runtime/http/byte_range.hpp"
#include "runtime/http/message.hpp"
#include "runtime/proxy/outgoing.hpp"
#include "runtime/proxy/stream_coding.hpp"

namespace homeostat::proxy {

class Worker;
class RequestContext;

/// Fields the agent adds to every response.
struct ResponseExtras {
  std::string_view cache_status;  ///< value of Cache-Status
  std::optional<Duration> age;    ///< of a stored response
  bool close = false;             ///< the connection ends after this
  std::string_view fields = {};   ///< further complete lines
};

/// Appends a 1xx response for the client.
void append_interim(const http::ResponseHead& head, std::string& out);

class ResponseWriter {
 public:
  explicit ResponseWriter(Worker& worker) : worker_(worker) {}

  /// A response that is being received from the upstream.
  void start_forwarded(const RequestContext& request, const http::ResponseHead& head,
                       const ResponseExtras& extras, const StreamCoding& coding);
  /// A stored head whose body streams from a fill. `length` as announced.
  void start_stored(const RequestContext& request, const cache::ObjectHead& head,
                    std::optional<std::uint64_t> length, const ResponseExtras& extras,
                    const StreamCoding& coding);

  /// One range of a stored head's body of `length` bytes.
  void start_partial(const RequestContext& request, const cache::ObjectHead& head,
                     const http::ByteRange& range, std::uint64_t length,
                     const ResponseExtras& extras);

  /// Body pieces in order; `last` ends the body. Returns false if encoding failed.
  [[nodiscard]] bool add(std::span<const std::string_view> pieces, bool last,
                         const http::HeaderTable* trailers = nullptr);
  [[nodiscard]] IoStatus flush(Stream& stream) noexcept { return out_.flush(stream); }

  /// The client must see the connection close to know where the body ends.
  [[nodiscard]] bool delimited_by_close() const noexcept { return framing_ == Framing::close; }
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// True once any byte of the head went out.
  [[nodiscard]] bool committed() const noexcept { return out_.written() > 0; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }

 private:
  enum class Framing : std::uint8_t { none, length, chunked, close };

  void choose_framing(const RequestContext& request, bool has_body, bool known_length);
  void begin_rewriting(const StreamCoding& coding, bool has_body,
                       std::optional<std::uint64_t> length);
  void append_coding_fields(std::string_view etag, bool varies);
  [[nodiscard]] bool rewrites() const noexcept { return encoder_.valid() || tightener_ != nullptr; }
  [[nodiscard]] bool rewrite(std::span<const std::string_view> pieces, bool last);
  void tighten(std::span<const std::string_view> pieces, bool last);
  [[nodiscard]] bool encode(std::span<const std::string_view> pieces, bool last);
  void finish_head(const RequestContext& request, const ResponseExtras& extras, bool has_date);
  void add_framed(std::span<const std::string_view> pieces);

  Worker& worker_;
  Framing framing_ = Framing::none;
  bool started_ = false;
  bool head_added_ = false;
  std::uint64_t body_bytes_ = 0;
  std::string head_;
  std::string frame_;     ///< chunk header of the pieces in out_
  std::string trailers_;  ///< last chunk with its trailers
  std::string tight_;     ///< tightener's output, in out_ unless encoded
  std::string encoded_;   ///< encoder's output in out_
  StreamCoding coding_;
  compress::Encoder encoder_;
  std::unique_ptr<compress::JsonTightener> tightener_;
  std::uint64_t json_in_ = 0, json_out_ = 0;
  Duration encoding_time_{}, tightening_time_{};
  Outgoing out_;
};

}  // namespace homeostat::proxy
