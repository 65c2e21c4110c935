#include "runtime/cache/object.hpp"

#include <utility>

#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::cache {

void ObjectHead::start(int status_code, std::string_view reason_phrase) {
  status = status_code;
  block_.clear();
  http::HeadWriter(block_).status_line(static_cast<unsigned>(status_code), reason_phrase);
}

void ObjectHead::add_field(std::string_view name, std::string_view value) {
  const auto offset = static_cast<std::uint32_t>(block_.size() + name.size() + 2);
  const Span span{offset, static_cast<std::uint32_t>(value.size())};
  switch (http::header_id(name)) {
    case http::HeaderId::etag: etag_ = span; break;
    case http::HeaderId::last_modified: last_modified_ = span; break;
    case http::HeaderId::content_type: content_type_ = span; break;
    case http::HeaderId::no_vary_search: search = true; break;
    case http::HeaderId::vary:
      varies_by_coding =
          varies_by_coding || http::any_list_element(value, [](std::string_view element) {
            return element == "*" || http::iequals(element, "Accept-Encoding");
          });
      break;
    default: break;
  }
  http::HeadWriter(block_).field(name, value);
}

void ObjectHead::add_hidden(std::string_view name, std::string_view value) {
  http::HeadWriter(hidden_).field(name, value);
}

void ObjectHead::add_content_length(std::uint64_t bytes) {
  http::HeadWriter(block_).field(http::HeaderId::content_length, bytes);
}

ObjectPtr Object::make(ObjectHead head, Body body) {
  return ObjectPtr(new Object(std::move(head), std::move(body)));
}

Object::Object(ObjectHead head, Body body) : head_(std::move(head)), body_(std::move(body)) {
  body_.shrink_to_fit();
  for (const BodyPart& part : body_) {
    body_bytes_ += part.size;
    memory_ += allocated_bytes(part.block.get());
  }
  if (head_.status != 204 && head_.status != 304) head_.add_content_length(body_bytes_);
  memory_ += allocated_bytes(this) + head_.memory() + allocated_bytes(body_.data());
}

Object::~Object() {
  for (const Slot& slot : slots_) {
    if (const Object* variant = slot.variant.load(std::memory_order_acquire)) {
      intrusive_ptr_release(variant);
    }
  }
}

bool Object::try_begin_variant(rules::Coding coding) const noexcept {
  std::atomic<SlotState>& state = slot(coding).state;
  SlotState expected = SlotState::none;
  if (state.compare_exchange_strong(expected, SlotState::building, std::memory_order_relaxed)) {
    return true;
  }
  expected = SlotState::ready;
  return state.compare_exchange_strong(expected, SlotState::rebuilding, std::memory_order_relaxed);
}

void Object::refuse_variant(rules::Coding coding) const noexcept {
  slot(coding).state.store(variant(coding) != nullptr ? SlotState::settled : SlotState::refused,
                           std::memory_order_relaxed);
}

void Object::abandon_variant(rules::Coding coding) const noexcept {
  slot(coding).state.store(variant(coding) != nullptr ? SlotState::ready : SlotState::none,
                           std::memory_order_relaxed);
}

std::size_t Object::variants_memory() const noexcept {
  std::size_t bytes = 0;
  for (const Slot& slot : slots_) {
    const Object* variant = slot.variant.load(std::memory_order_acquire);
    if (variant != nullptr) bytes += variant->memory() + variant->variants_memory();
  }
  return bytes;
}

void Object::attach(rules::Coding coding, ObjectPtr variant) const noexcept {
  Slot& place = slot(coding);
  const Object* older = place.variant.load(std::memory_order_relaxed);
  // A reader may still be about to take the older one: it lives on inside.
  if (older != nullptr) variant->slot(coding).variant.store(older, std::memory_order_relaxed);
  place.variant.store(variant.detach(), std::memory_order_release);
  place.state.store(older != nullptr ? SlotState::settled : SlotState::ready,
                    std::memory_order_relaxed);
}

void Object::inherit_variants(const Object& from) const {
  for (std::size_t i = 0; i < rules::coding_count; ++i) {
    const auto coding = static_cast<rules::Coding>(i);
    const Object* variant = from.variant(coding);
    const SlotState before = from.slot_state(coding);
    if (variant != nullptr) {
      ObjectHead head = variant_head(*this, coding);
      head.effort = variant->head().effort;
      slots_[i].variant.store(make(std::move(head), variant->body()).detach());
      slots_[i].state.store(before == SlotState::settled ? before : SlotState::ready);
    } else if (before == SlotState::refused) {
      slots_[i].state.store(before);
    }
  }
  uses_.store(from.uses(), std::memory_order_relaxed);
}

ObjectHead variant_head(const Object& object, rules::Coding coding) {
  using http::HeaderId;
  const ObjectHead& from = object.head();
  ObjectHead head;
  head.start(from.status, http::reason_phrase(static_cast<unsigned>(from.status)));
  head.endpoint = from.endpoint;
  head.freshness = from.freshness;
  head.last_modified_time = from.last_modified_time;
  head.date = from.date;
  head.authorization_shared = from.authorization_shared;
  head.no_transform = from.no_transform;
  head.rule_ttl = from.rule_ttl;
  head.immutable = from.immutable;
  head.encoded = coding != rules::Coding::identity;
  head.coding = coding;
  from.for_each_field([&](std::string_view name, std::string_view value) {
    const HeaderId id = http::header_id(name);
    if (id == HeaderId::content_encoding || http::describes_coded_bytes(id, name)) return;
    if (id == HeaderId::etag && !value.starts_with("W/")) {
      head.add_field(name, "W/" + std::string(value));
      return;
    }
    head.add_field(name, value);
  });
  if (head.encoded) head.add_field("Content-Encoding", rules::coding_name(coding));
  if (coding != from.coding && !head.varies_by_coding) head.add_field("Vary", "Accept-Encoding");
  return head;
}

}  // namespace homeostat::cache
