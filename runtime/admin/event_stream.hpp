// One reader of GET /api/v1/events: Server-Sent Events (WHATWG HTML, section
// "Server-sent events") over a connection that a session hands over.
//
// Sends what the log holds after a number, then whatever comes. A comment goes
// out when nothing else did for a while, so that proxies and readers can tell
// silence from a dead connection. A reader that does not take a piece within
// the write deadline is cut off; one that the ring overtook is told by an event
// `lost`. The body ends with the connection.
//
// Thread safety: none; runs on the io_context's one thread.
// Ownership: keeps itself and the session alive by its pending read; the log
// must outlive it. Bounds: pieces of events_per_write events.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/admin/admin_server.hpp"
#include "runtime/ports/events.hpp"

namespace homeostat::admin {

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  static constexpr std::size_t events_per_write = 100;
  struct Timing {
    std::chrono::milliseconds write;      ///< for each piece
    std::chrono::milliseconds heartbeat;  ///< silence before a comment
  };

  /// `session` owns `stream`.
  EventStream(boost::beast::tcp_stream& stream, std::shared_ptr<void> session, const EventLog& log,
              Timing timing, AdminCounters& counters);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// Sends `head` (status line and fields) and what came after number `after`.
  void start(std::string head, std::uint64_t after);
  /// There may be new events.
  void wake();
  void stop();

 private:
  void watch_reader();
  void send();
  void on_sent(boost::system::error_code error);
  void wait_for_events();
  [[nodiscard]] std::string next_piece();

  boost::beast::tcp_stream& stream_;
  std::shared_ptr<void> session_;
  const EventLog& log_;
  const Timing timing_;
  AdminCounters& counters_;  ///< the session's
  boost::asio::steady_timer heartbeat_;
  std::string out_;
  std::array<char, 512> ignored_{};
  std::uint64_t after_ = 0;
  bool writing_ = false;
  bool stopped_ = false;
};

/// Where to go on for a Last-Event-ID: after that event if it is one of this
/// log's, after everything held if it is another process's, and with nothing
/// but new events if there is none.
[[nodiscard]] std::uint64_t resume_after(const EventLog& log, std::string_view last_event_id);

/// An event as it goes over the wire.
[[nodiscard]] std::string sse_text(const Event& event, const std::string& stream);

}  // namespace homeostat::admin
