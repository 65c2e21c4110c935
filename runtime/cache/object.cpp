#include "runtime/cache/object.hpp"

#include <utility>

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
  if (const Object* variant = variant_.load(std::memory_order_acquire)) {
    intrusive_ptr_release(variant);
  }
}

bool Object::try_begin_encoding() const noexcept {
  EncodingState expected = EncodingState::none;
  return encoding_.compare_exchange_strong(expected, EncodingState::running,
                                           std::memory_order_relaxed);
}

void Object::attach(ObjectPtr encoded) const noexcept {
  const Object* expected = nullptr;
  const Object* variant = encoded.get();
  if (!variant_.compare_exchange_strong(expected, variant, std::memory_order_acq_rel)) return;
  static_cast<void>(encoded.detach());  // the reference now belongs to the slot
  encoding_.store(EncodingState::ready, std::memory_order_relaxed);
}

ObjectHead encoded_head(const Object& object, std::string_view coding) {
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
  head.encoded = true;
  bool varies = false;
  from.for_each_field([&](std::string_view name, std::string_view value) {
    const HeaderId id = http::header_id(name);
    if (id == HeaderId::content_length || id == HeaderId::accept_ranges ||
        http::iequals(name, "Content-MD5") || http::iequals(name, "Digest") ||
        http::iequals(name, "Content-Digest")) {
      return;
    }
    if (id == HeaderId::etag && !value.starts_with("W/")) {
      head.add_field(name, "W/" + std::string(value));
      return;
    }
    if (id == HeaderId::vary) {
      varies = varies || http::any_list_element(value, [](std::string_view element) {
                 return http::iequals(element, "Accept-Encoding");
               });
    }
    head.add_field(name, value);
  });
  head.add_field("Content-Encoding", coding);
  if (!varies) head.add_field("Vary", "Accept-Encoding");
  return head;
}

}  // namespace homeostat::cache
