#include "runtime/ports/events.hpp"

#include <algorithm>

namespace homeostat {
namespace {

/// Cuts a text where no UTF-8 character is torn (RFC 3629: 10xxxxxx continues).
void cut(std::string& text) {
  if (text.size() <= EventLog::text_bytes_max) return;
  std::size_t end = EventLog::text_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
}

void bound(Event& event) {
  if (event.details.size() > EventLog::details_max) event.details.resize(EventLog::details_max);
  for (auto& [name, value] : event.details) {
    if (auto* text = std::get_if<std::string>(&value)) cut(*text);
  }
}

}  // namespace

void EventLog::append(Event event) {
  bound(event);
  auto shared = std::make_shared<Event>(std::move(event));
  const std::lock_guard lock(mutex_);
  shared->number = ++newest_;
  events_.push_back(std::move(shared));
  if (events_.size() > events_max) events_.pop_front();
}

void EventLog::tell() {
  const std::lock_guard lock(callback_mutex_);
  if (callback_) callback_();
}

void EventLog::publish(Event event) {
  append(std::move(event));
  tell();
}

void EventLog::publish(std::vector<Event> events) {
  if (events.empty()) return;
  for (Event& event : events) append(std::move(event));
  tell();
}

EventLog::Page EventLog::read(std::uint64_t after, std::size_t count_max) const {
  Page page;
  const std::lock_guard lock(mutex_);
  if (after >= newest_) return page;
  const std::uint64_t oldest = newest_ - events_.size() + 1;
  const std::uint64_t first = std::max(after + 1, oldest);
  page.lost = first - (after + 1);
  const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(first - oldest);
  const auto count = std::min<std::size_t>(count_max, newest_ - first + 1);
  page.events.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  return page;
}

std::uint64_t EventLog::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void EventLog::notify(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  callback_ = std::move(callback);
}

}  // namespace homeostat
