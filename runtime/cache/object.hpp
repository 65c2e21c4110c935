// A stored response: immutable, reference counted, ready to be sent.
//
// Thread safety: everything but the encoded slot, the moment of a soft purge and
// the refresh state is constant after construction; the first two are set once.
// Ownership: ObjectPtr. A reader
// keeps the object for as long as it sends from it; eviction does not wait.
//
// The head block is `HTTP/1.1 200 OK\r\n` and the end-to-end fields, each
// ended by CRLF, without the terminating empty line. It holds no Age, no
// Connection, Keep-Alive or Transfer-Encoding; whoever sends appends those, a Via
// and a Cache-Status member of its own, and the empty line. Via and Cache-Status
// of servers further up, and Date, are kept as received.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/cache/allocation.hpp"
#include "runtime/cache/block.hpp"
#include "runtime/cache/freshness.hpp"
#include "runtime/cache/refresh_state.hpp"
#include "runtime/cache/tags.hpp"
#include "runtime/http/header_id.hpp"
#include "runtime/ports/policy.hpp"

namespace homeostat::cache {

/// Status, fields and freshness of a response. Movable value; views are valid
/// while it lives.
class ObjectHead {
 public:
  int status = 0;
  EndpointId endpoint = 0;
  Freshness freshness;
  std::optional<WallTime> last_modified_time;
  std::optional<WallTime> date;
  /// RFC 9111 section 3.5: may answer requests with Authorization.
  bool authorization_shared = false;
  /// Content-Encoding is present: a body that must not be encoded again.
  bool encoded = false;
  /// Cache-Control: no-transform.
  bool no_transform = false;
  /// No-Vary-Search is present.
  bool search = false;
  /// Sum of what rules, not the origin, gave; for figures only.
  bool rule_ttl = false;
  TagSet tags;
  /// The ETag is this agent's own; the origin would not know it.
  bool own_etag = false;
  /// The Cache-Control is a rule's; the origin's is among the hidden fields.
  bool own_control = false;

  [[nodiscard]] std::string_view block() const noexcept { return block_; }
  [[nodiscard]] std::string_view etag() const noexcept { return view(etag_); }
  [[nodiscard]] std::string_view last_modified() const noexcept { return view(last_modified_); }
  [[nodiscard]] std::string_view content_type() const noexcept { return view(content_type_); }
  [[nodiscard]] bool has_validator() const noexcept {
    return etag_.size != 0 || last_modified_.size != 0;
  }

  /// Bytes the allocator holds outside of the head itself.
  [[nodiscard]] std::size_t memory() const noexcept {
    return allocated_bytes(block_) + hidden_.capacity() + tags.memory();
  }
  /// The ETag to validate with; empty if the origin gave none.
  [[nodiscard]] std::string_view origin_etag() const noexcept {
    return own_etag ? std::string_view{} : etag();
  }

  /// Starts the block with `HTTP/1.1 <status> <reason>`.
  void start(int status_code, std::string_view reason_phrase);
  /// Appends one field and remembers it if it is ETag, Last-Modified or
  /// Content-Type. REQUIRES: name and value free of CR and LF.
  void add_field(std::string_view name, std::string_view value);
  /// Keeps a field of the origin that clients do not get, for the next validation.
  void add_hidden(std::string_view name, std::string_view value);
  void add_content_length(std::uint64_t bytes);
  /// Calls `visit(name, value)` for each field of the block.
  template <class Visit>
  void for_each_field(Visit&& visit) const;
  /// The same for the fields as the origin sent them.
  template <class Visit>
  void for_each_origin_field(Visit&& visit) const;

 private:
  template <class Visit>
  static void for_each_line(std::string_view lines, Visit&& visit);
  struct Span {
    std::uint32_t offset = 0, size = 0;
  };
  [[nodiscard]] std::string_view view(Span span) const noexcept {
    return std::string_view(block_).substr(span.offset, span.size);
  }
  std::string block_;
  std::string hidden_;  // lines as in block_
  Span etag_, last_modified_, content_type_;
};

class Object;
using ObjectPtr = Ref<const Object>;

class Object final : public RefCounted<Object> {
 public:
  /// `head` without Content-Length: it is appended here, except where a body
  /// cannot exist (204, 304).
  [[nodiscard]] static ObjectPtr make(ObjectHead head, Body body);
  ~Object();

  [[nodiscard]] const ObjectHead& head() const noexcept { return head_; }
  [[nodiscard]] int status() const noexcept { return head_.status; }
  /// Status line and fields including Content-Length.
  [[nodiscard]] std::string_view wire_head() const noexcept { return head_.block(); }
  /// As the response stated it, or less: it ends with a soft purge.
  [[nodiscard]] Freshness freshness() const noexcept;
  /// A soft purge: stale from `at` on. False if it was purged so before.
  bool soften(Instant at) const noexcept;
  [[nodiscard]] const Body& body() const noexcept { return body_; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  /// Bytes the allocator holds for this object: head, body, itself.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

  [[nodiscard]] RefreshState& refresh() const noexcept { return refresh_; }

  // -- one encoded (gzip) variant, built later by a background job ------------
  enum class EncodingState : std::uint8_t { none, running, ready, refused };
  [[nodiscard]] EncodingState encoding_state() const noexcept {
    return encoding_.load(std::memory_order_relaxed);
  }
  /// True for exactly one caller, who then builds the variant and calls
  /// Cache::attach_encoded or refuse_encoding.
  [[nodiscard]] bool try_begin_encoding() const noexcept;
  void refuse_encoding() const noexcept {
    encoding_.store(EncodingState::refused, std::memory_order_relaxed);
  }
  /// Null until attached. Valid as long as this object.
  [[nodiscard]] const Object* encoded() const noexcept {
    return variant_.load(std::memory_order_acquire);
  }

 private:
  friend class Cache;
  Object(ObjectHead head, Body body);
  void attach(ObjectPtr encoded) const noexcept;

  mutable RefreshState refresh_;  // first: on the line of the reference count
  ObjectHead head_;
  Body body_;
  std::uint64_t body_bytes_ = 0;
  std::size_t memory_ = 0;
  // Where it is stored; set by Cache before anybody else sees the object.
  mutable std::uint64_t location_ = 0;
  mutable std::uint64_t hash_ = 0;
  static constexpr Instant::rep never = Instant::max().time_since_epoch().count();
  mutable std::atomic<Instant::rep> softened_{never};
  mutable std::atomic<const Object*> variant_{nullptr};
  mutable std::atomic<EncodingState> encoding_{EncodingState::none};
};

/// The head of `object` for a body encoded with `coding`: Content-Encoding
/// added, a strong ETag made weak (RFC 9110 section 8.8.3), Vary extended by
/// Accept-Encoding, Content-Length and digests of the old body dropped.
[[nodiscard]] ObjectHead encoded_head(const Object& object, std::string_view coding);

// -- implementation -----------------------------------------------------------

inline Freshness Object::freshness() const noexcept {
  Freshness freshness = head_.freshness;
  const Instant::rep softened = softened_.load(std::memory_order_relaxed);
  if (softened != never) {
    const Duration past = Instant(Duration(softened)) - freshness.received;
    freshness.lifetime = std::min(freshness.lifetime, freshness.initial_age + past);
  }
  return freshness;
}

inline bool Object::soften(Instant at) const noexcept {
  Instant::rep expected = never;
  return softened_.compare_exchange_strong(expected, at.time_since_epoch().count(),
                                           std::memory_order_relaxed);
}

template <class Visit>
void ObjectHead::for_each_field(Visit&& visit) const {
  std::string_view lines = block_;
  lines.remove_prefix(std::min(lines.size(), lines.find("\r\n") + 2));
  for_each_line(lines, visit);
}

template <class Visit>
void ObjectHead::for_each_origin_field(Visit&& visit) const {
  for_each_field([&](std::string_view name, std::string_view value) {
    const http::HeaderId id = http::header_id(name);
    if (own_etag && id == http::HeaderId::etag) return;
    if (own_control && id == http::HeaderId::cache_control) return;
    visit(name, value);
  });
  for_each_line(hidden_, visit);
}

template <class Visit>
void ObjectHead::for_each_line(std::string_view lines, Visit&& visit) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    const std::size_t colon = line.find(": ");
    visit(line.substr(0, colon), line.substr(colon + 2));
  }
}

}  // namespace homeostat::cache
