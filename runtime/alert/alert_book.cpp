#include "runtime/alert/alert_book.hpp"

#include <algorithm>
#include <utility>

#include "runtime/alert/utf8_text.hpp"

namespace homeostat::alert {

namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t text_bytes_max = 4096;

Alert bounded(const Alert& alert) {
  Alert out = alert;
  out.name = utf8_text(alert.name, name_bytes_max);
  out.scope = utf8_text(alert.scope, text_bytes_max);
  out.summary = utf8_text(alert.summary, text_bytes_max);
  out.description = utf8_text(alert.description, text_bytes_max);
  return out;
}

}  // namespace

AlertBook::AlertBook(const AlertTiming& timing, std::size_t queue_max,
                     std::vector<bool> repeat_resolved)
    : timing_(timing), queue_max_(std::max<std::size_t>(1, queue_max)) {
  queues_.resize(repeat_resolved.size());
  for (std::size_t i = 0; i < queues_.size(); ++i) queues_[i].repeat_resolved = repeat_resolved[i];
}

BookChange AlertBook::fire(const Alert& alert, WallTime since, Moment now) {
  auto text = std::make_shared<const Alert>(bounded(alert));
  const Identity identity{text->name, text->scope, text->severity, text->injected};
  if (Entry* const known = find_firing(text->name, text->scope)) {
    const bool same_labels =
        known->alert->severity == text->severity && known->alert->injected == text->injected;
    if (same_labels) {
      known->alert = std::move(text);
      return BookChange::none;
    }
    end(*known, now.wall, now.steady);
  }
  if (!entries_.contains(identity) && !make_room()) {
    ++refused_;
    return BookChange::refused;
  }
  Entry& entry = entries_[identity];
  if (entry.id == 0) entry.id = next_id_++;
  entry.alert = std::move(text);
  // A start in the future (the wall clock was set back) is refused by receivers.
  entry.starts_at = std::min(since, now.wall);
  entry.ends_at.reset();
  entry.next_repeat = now.steady + timing_.resend;
  ++firing_;
  announce(entry);
  return BookChange::fired;
}

BookChange AlertBook::resolve(const Alert& alert, WallTime at, Moment now) {
  const Alert text = bounded(alert);
  Entry* const known = find_firing(text.name, text.scope);
  if (known == nullptr) return BookChange::none;
  end(*known, std::min(at, now.wall), now.steady);
  return BookChange::resolved;
}

void AlertBook::end(Entry& entry, WallTime at, Instant now) {
  entry.ends_at = std::max(at, entry.starts_at);  // Alertmanager refuses an end before the start
  entry.next_repeat = now + timing_.resend;
  entry.forget_at = now + timing_.resolved_retention;
  --firing_;
  announce(entry);
}

AlertBook::Entry* AlertBook::find_firing(const std::string& name, const std::string& scope) {
  const Identity first{name, scope, rules::Severity::info, false};
  for (auto it = entries_.lower_bound(first); it != entries_.end(); ++it) {
    if (std::get<0>(it->first) != name || std::get<1>(it->first) != scope) break;
    if (!it->second.ends_at) return &it->second;
  }
  return nullptr;
}

/// Forgets the alert resolved longest ago whose end every target knows.
bool AlertBook::make_room() {
  if (entries_.size() < timing_.alerts_max) return true;
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!it->second.ends_at) continue;
    const bool waits = std::any_of(queues_.begin(), queues_.end(), [&](const Queue& queue) {
      return queued(queue, it->second.id);
    });
    if (waits) continue;
    if (oldest == entries_.end() || it->second.forget_at < oldest->second.forget_at) oldest = it;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

bool AlertBook::queued(const Queue& queue, std::uint64_t id) const {
  const auto same = [id](const AlertMessage& message) { return message.id == id; };
  return std::any_of(queue.waiting.begin(), queue.waiting.end(), same) ||
         std::any_of(queue.in_flight.begin(), queue.in_flight.end(), same);
}

void AlertBook::announce(const Entry& entry) {
  for (Queue& queue : queues_) push_change(queue, entry);
}

void AlertBook::push_change(Queue& queue, const Entry& entry) {
  std::size_t changes = 0;
  std::erase_if(queue.waiting, [&](const AlertMessage& message) {
    if (message.id != entry.id) return false;
    if (message.kind == MessageKind::repeat) return true;  // says less than the change does
    ++changes;
    return false;
  });
  if (changes >= 2) {
    // Unsent "fired, resolved" before this "fired" (or the reverse) tell
    // nothing that this message does not; without this a flapping alert would
    // fill the queue of a dead target.
    queue.figures.superseded += std::erase_if(
        queue.waiting, [&](const AlertMessage& message) { return message.id == entry.id; });
  }
  if (queue.waiting.size() >= queue_max_) drop_oldest_repeat(queue);
  queue.waiting.push_back(
      {entry.id, entry.alert, entry.starts_at, entry.ends_at, MessageKind::change});
  measure(queue);
}

void AlertBook::push_repeat(Queue& queue, const Entry& entry) {
  if (queued(queue, entry.id)) return;  // it will be told anyway
  if (queue.waiting.size() >= queue_max_) {
    drop_oldest_repeat(queue);
    if (queue.waiting.size() >= queue_max_) {
      ++queue.figures.dropped;
      return;
    }
  }
  queue.waiting.push_back(
      {entry.id, entry.alert, entry.starts_at, entry.ends_at, MessageKind::repeat});
  measure(queue);
}

void AlertBook::drop_oldest_repeat(Queue& queue) {
  const auto oldest =
      std::find_if(queue.waiting.begin(), queue.waiting.end(),
                   [](const AlertMessage& message) { return message.kind == MessageKind::repeat; });
  if (oldest == queue.waiting.end()) return;
  queue.waiting.erase(oldest);
  ++queue.figures.dropped;
}

void AlertBook::tick(Instant now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    if (entry.next_repeat > now) {
      ++it;
      continue;
    }
    entry.next_repeat = now + timing_.resend;
    const bool repeat = !entry.ends_at || now < entry.forget_at;
    bool needed = repeat;
    for (Queue& queue : queues_) {
      if (repeat && (!entry.ends_at || queue.repeat_resolved)) push_repeat(queue, entry);
      needed = needed || queued(queue, entry.id);
    }
    it = needed ? std::next(it) : entries_.erase(it);
  }
}

std::optional<Instant> AlertBook::next_due() const {
  std::optional<Instant> due;
  for (const auto& [identity, entry] : entries_) {
    if (!due || entry.next_repeat < *due) due = entry.next_repeat;
  }
  return due;
}

std::vector<AlertMessage> AlertBook::take(std::size_t target, std::size_t count) {
  Queue& queue = queues_[target];
  if (!queue.in_flight.empty()) return {};
  while (queue.in_flight.size() < count && !queue.waiting.empty()) {
    const std::uint64_t id = queue.waiting.front().id;
    const bool twice = std::any_of(queue.in_flight.begin(), queue.in_flight.end(),
                                   [id](const AlertMessage& message) { return message.id == id; });
    if (twice) break;  // two states of one alert must not share a call
    queue.in_flight.push_back(std::move(queue.waiting.front()));
    queue.waiting.pop_front();
  }
  return queue.in_flight;
}

void AlertBook::delivered(std::size_t target) {
  Queue& queue = queues_[target];
  queue.figures.sent += queue.in_flight.size();
  queue.in_flight.clear();
  measure(queue);
}

void AlertBook::rejected(std::size_t target) {
  Queue& queue = queues_[target];
  ++queue.figures.failed;
  queue.figures.dropped += queue.in_flight.size();
  queue.in_flight.clear();
  measure(queue);
}

void AlertBook::failed(std::size_t target) {
  Queue& queue = queues_[target];
  ++queue.figures.failed;
  while (!queue.in_flight.empty()) {
    AlertMessage message = std::move(queue.in_flight.back());
    queue.in_flight.pop_back();
    const auto behind =
        std::count_if(queue.waiting.begin(), queue.waiting.end(),
                      [&](const AlertMessage& waiting) { return waiting.id == message.id; });
    // A repeat is worth nothing once news about the same alert wait behind it,
    // a change nothing once the same state is reached again behind it.
    const bool outdated = message.kind == MessageKind::repeat ? behind > 0 : behind > 1;
    if (!outdated) {
      queue.waiting.push_front(std::move(message));
    } else if (message.kind == MessageKind::change) {
      ++queue.figures.superseded;
    }
  }
  measure(queue);
}

void AlertBook::measure(Queue& queue) noexcept {
  queue.figures.queue_length = queue.waiting.size() + queue.in_flight.size();
}

}  // namespace homeostat::alert
