// What happened, for those who watch: decisions, actions, effects, levels,
// emergencies, reloads, alerts, changes by operators.
//
// A ring of the newest events. Writers never wait for readers: who reads too
// slowly loses events and is told how many.
//
// Thread safety: all methods from any thread; the lock is held for the copy of
// some pointers. Nothing on the request path publishes.
// Bounds: events_max events of at most details_max details; texts are cut at
// text_bytes_max. About 0.5 MB when every event is typical.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/ports/clock.hpp"

namespace homeostat {

/// A detail's value; monostate is JSON's null.
using EventValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Event {
  std::string type;  ///< "rule", "action", "level", ...: docs/management_api.md
  WallTime at{};
  std::vector<std::pair<std::string, EventValue>> details;
  std::uint64_t number = 0;  ///< from 1, without gaps; given by the log

  Event() = default;
  Event(std::string type_in, WallTime at_in) : type(std::move(type_in)), at(at_in) {}
  /// Adds a detail; for building an event in one expression.
  Event&& with(std::string name, EventValue value) && {
    details.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
};

class EventLog {
 public:
  static constexpr std::size_t events_max = 1000;
  static constexpr std::size_t details_max = 20;
  static constexpr std::size_t text_bytes_max = 1000;

  /// `stream` tells this process's numbers from those of another.
  explicit EventLog(std::string stream) : stream_(std::move(stream)) {}
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void publish(Event event);
  void publish(std::vector<Event> events);

  struct Page {
    std::vector<std::shared_ptr<const Event>> events;  ///< oldest first
    std::uint64_t lost = 0;  ///< between `after` and the first, no longer held
  };
  /// What came after number `after`, at most `count_max` events.
  [[nodiscard]] Page read(std::uint64_t after, std::size_t count_max) const;
  /// Number of the newest event; 0 before the first.
  [[nodiscard]] std::uint64_t newest() const;
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }

  /// Called after each publication, by the publishing thread and outside the
  /// lock of the events; must return at once. Empty: nobody. When it returns,
  /// the callback before is neither running nor called again.
  void notify(std::function<void()> callback);

 private:
  void append(Event event);
  void tell();

  const std::string stream_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const Event>> events_;
  std::uint64_t newest_ = 0;
  std::mutex callback_mutex_;
  std::function<void()> callback_;
};

}  // namespace homeostat
