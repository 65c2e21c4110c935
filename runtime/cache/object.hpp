// A stored response: immutable, reference counted, ready to be sent.
//
// Thread safety: everything but the variant slots, the count of uses, the
// eligibility, the refresh state and the moment of a soft purge (set once) is
// constant after construction. Ownership: ObjectPtr. A reader keeps the object for as long as
// it sends from it; eviction does not wait.
//
// Variants: one slot per content coding; that of identity holds the body
// decoded or tightened. A variant is an Object of its own, is published by one
// atomic pointer, lives as long as the object it belongs to, and may be replaced
// once, by a smaller one (which then keeps the first alive, because readers take
// no lock).
//
// The head block is `HTTP/1.1 200 OK\r\n` and the end-to-end fields, each
// ended by CRLF, without the terminating empty line. It holds no Age, no
// Connection, Keep-Alive or Transfer-Encoding; whoever sends appends those, a Via
// and a Cache-Status member of its own, and the empty line. Via and Cache-Status
// of servers further up, and Date, are kept as received.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/laws/coding.hpp"
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
  /// Which one, if it is a single one that is known here; else identity.
  rules::Coding coding = rules::Coding::identity;
  /// Of a variant: the effort it was built with, 1..9.
  std::uint8_t effort = 0;
  /// Vary names Accept-Encoding, or is `*`.
  bool varies_by_coding = false;
  /// Cache-Control: no-transform.
  bool no_transform = false;
  /// No-Vary-Search is present.
  bool search = false;
  /// The lifetime is a rule's, wholly or as its bound: many may have the same.
  bool rule_ttl = false;
  /// The rule gave more, but the content changes faster.
  bool lowered = false;
  /// Cache-Control: immutable (RFC 8246): no use in asking while it is fresh.
  bool immutable = false;
  /// It came with an Age: out of a cache further up.
  bool aged = false;
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
    return allocated_bytes(block_) + allocated_bytes(hidden_) + tags.memory();
  }
  /// The ETag to validate with; empty if the origin gave none.
  [[nodiscard]] std::string_view origin_etag() const noexcept {
    return own_etag ? std::string_view{} : etag();
  }

  /// Starts the block with `HTTP/1.1 <status> <reason>`.
  void start(int status_code, std::string_view reason_phrase);
  /// Appends one field and remembers it if it is ETag, Last-Modified,
  /// Content-Type or Vary. REQUIRES: name and value free of CR and LF.
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
  /// Purged, or perhaps so by others: not to be served stale.
  void doubt() const noexcept { doubtful_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool doubtful() const noexcept { return doubtful_.load(std::memory_order_relaxed); }
  /// When; nothing if it was not.
  [[nodiscard]] std::optional<Instant> softened() const noexcept;
  [[nodiscard]] const Body& body() const noexcept { return body_; }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  /// Bytes the allocator holds for this object: head, body, itself.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

  [[nodiscard]] RefreshState& refresh() const noexcept { return refresh_; }

  // -- variants, built later by a background job ---------------------------------
  enum class SlotState : std::uint8_t {
    none,
    building,
    ready,       ///< may be replaced once
    rebuilding,  ///< ready, and the replacement is under way
    settled,     ///< ready for good
    refused      ///< there will be none
  };
  [[nodiscard]] SlotState slot_state(rules::Coding coding) const noexcept {
    return slot(coding).state.load(std::memory_order_relaxed);
  }
  /// none -> building or ready -> rebuilding; true for exactly one caller, who
  /// then builds the variant and calls Cache::attach_variant, refuse_variant or
  /// abandon_variant.
  [[nodiscard]] bool try_begin_variant(rules::Coding coding) const noexcept;
  /// It does not earn its memory: never asked for again.
  void refuse_variant(rules::Coding coding) const noexcept;
  /// Not now (e.g. the queue is full): as before try_begin_variant.
  void abandon_variant(rules::Coding coding) const noexcept;
  /// Null until attached. Valid as long as this object.
  [[nodiscard]] const Object* variant(rules::Coding coding) const noexcept {
    return slot(coding).variant.load(std::memory_order_acquire);
  }
  /// What all variants hold, replaced ones included.
  [[nodiscard]] std::size_t variants_memory() const noexcept;
  /// Before this object is published: takes over the variants of `from`, whose
  /// body is the same, under this object's fields.
  void inherit_variants(const Object& from) const;

  /// About how often it was sent; the caller counts a sample of its requests.
  [[nodiscard]] std::uint32_t uses() const noexcept {
    return uses_.load(std::memory_order_relaxed);
  }
  void add_uses(std::uint32_t count) const noexcept {
    uses_.fetch_add(count, std::memory_order_relaxed);
  }

  /// Whether the representation may be encoded by this agent, looked at once.
  enum class Eligibility : std::uint8_t { unknown, no, yes };
  [[nodiscard]] Eligibility eligibility() const noexcept {
    return eligibility_.load(std::memory_order_relaxed);
  }
  void set_eligibility(Eligibility eligibility) const noexcept {
    eligibility_.store(eligibility, std::memory_order_relaxed);
  }

 private:
  friend class Cache;
  Object(ObjectHead head, Body body);
  struct Slot {
    std::atomic<const Object*> variant{nullptr};
    std::atomic<SlotState> state{SlotState::none};
  };
  [[nodiscard]] Slot& slot(rules::Coding coding) const noexcept {
    return slots_[rules::index_of(coding)];
  }
  /// Under the shard's lock, after the caller saw that it fits.
  void attach(rules::Coding coding, ObjectPtr variant) const noexcept;

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
  mutable std::atomic<bool> doubtful_{false};
  mutable std::array<Slot, rules::coding_count> slots_;
  mutable std::atomic<std::uint32_t> uses_{0};
  mutable std::atomic<Eligibility> eligibility_{Eligibility::unknown};
};

/// The head of `object` for another form of its body, in `coding`: a strong ETag
/// made weak (RFC 9110 section 8.8.3; decision 0003), Content-Encoding as it now
/// is, Content-Length and digests of the old body dropped. Vary is extended by
/// Accept-Encoding if the coding changed.
[[nodiscard]] ObjectHead variant_head(const Object& object, rules::Coding coding);

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

inline std::optional<Instant> Object::softened() const noexcept {
  const Instant::rep at = softened_.load(std::memory_order_relaxed);
  return at != never ? std::optional(Instant(Duration(at))) : std::nullopt;
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
