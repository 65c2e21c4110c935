// What is firing, what was resolved lately, and what each target still has to
// be told. All decisions of alert delivery, without IO.
//
// Pure: time comes in as arguments. Thread safety: none; the dispatcher holds
// a lock around it.
// Bounds: alerts_max alerts; per target, repeats only while the queue is
// shorter than queue_max and at most two changes of state per known alert.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/alert/alert_dispatcher.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::alert {

/// Both clocks at one moment.
struct Moment {
  Instant steady{};
  WallTime wall{};
};

enum class MessageKind : std::uint8_t { change, repeat };

/// One thing to tell one target.
struct AlertMessage {
  std::uint64_t id = 0;  ///< of the alert's label set
  std::shared_ptr<const Alert> alert;
  WallTime starts_at{};
  std::optional<WallTime> ends_at;  ///< set: resolved
  MessageKind kind = MessageKind::change;
};

enum class BookChange : std::uint8_t { none, fired, resolved, refused };

class AlertBook {
 public:
  /// `repeat_resolved[i]`: whether target i wants resolved alerts repeated.
  AlertBook(const AlertTiming& timing, std::size_t queue_max, std::vector<bool> repeat_resolved);

  /// Same name and scope again: texts are refreshed, nothing is sent. Another
  /// severity or origin means another label set: the old one is resolved.
  BookChange fire(const Alert& alert, WallTime since, Moment now);
  BookChange resolve(const Alert& alert, WallTime at, Moment now);

  /// Queues repeats that are due and forgets what was resolved long ago.
  void tick(Instant now);
  /// When tick() has something to do again.
  [[nodiscard]] std::optional<Instant> next_due() const;

  /// Takes up to `count` messages off the queue's head, each of another alert.
  /// Until delivered(), rejected() or failed() they are in flight.
  [[nodiscard]] std::vector<AlertMessage> take(std::size_t target, std::size_t count);
  void delivered(std::size_t target);
  void rejected(std::size_t target);  ///< the target will never accept them
  void failed(std::size_t target);    ///< puts them back in front

  [[nodiscard]] std::size_t firing() const noexcept { return firing_; }
  [[nodiscard]] const AlertFigures& figures(std::size_t target) const {
    return queues_[target].figures;
  }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  using Identity = std::tuple<std::string, std::string, rules::Severity, bool>;
  struct Entry {
    std::uint64_t id = 0;
    std::shared_ptr<const Alert> alert;
    WallTime starts_at{};
    std::optional<WallTime> ends_at;
    Instant next_repeat{};
    Instant forget_at{};
  };
  struct Queue {
    std::deque<AlertMessage> waiting;
    std::vector<AlertMessage> in_flight;
    AlertFigures figures;
    bool repeat_resolved = false;
  };

  [[nodiscard]] Entry* find_firing(const std::string& name, const std::string& scope);
  [[nodiscard]] bool make_room();
  [[nodiscard]] bool queued(const Queue& queue, std::uint64_t id) const;
  void end(Entry& entry, WallTime at, Instant now);
  void announce(const Entry& entry);
  void push_change(Queue& queue, const Entry& entry);
  void push_repeat(Queue& queue, const Entry& entry);
  void drop_oldest_repeat(Queue& queue);
  static void measure(Queue& queue) noexcept;

  AlertTiming timing_;
  std::size_t queue_max_;
  std::vector<Queue> queues_;
  std::map<Identity, Entry> entries_;
  std::uint64_t next_id_ = 1;
  std::size_t firing_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace homeostat::alert
