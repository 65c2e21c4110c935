#include "runtime/admin/event_stream.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <cmath>
#include <utility>
#include <variant>

#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

/// JSON of one detail, on one line.
struct Json {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    if (!std::isfinite(value)) return "null";
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end.ptr};
  }
  std::string operator()(const std::string& value) const { return quoted(value); }
};

std::string id_text(const std::string& stream, std::uint64_t number) {
  return "id: " + stream + "-" + std::to_string(number) + "\n";
}

}  // namespace

std::uint64_t resume_after(const EventLog& log, std::string_view last_event_id) {
  if (last_event_id.empty()) return log.newest();
  const std::size_t dash = last_event_id.rfind('-');
  if (dash == std::string_view::npos || last_event_id.substr(0, dash) != log.stream()) return 0;
  const std::string_view digits = last_event_id.substr(dash + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && number <= log.newest() ? number : 0;
}

std::string sse_text(const Event& event, const std::string& stream) {
  std::string text = id_text(stream, event.number) + "event: " + event.type +
                     "\ndata: {\"at\":" + quoted(rfc3339(event.at));
  for (const auto& [name, value] : event.details) {
    text += "," + quoted(name) + ":" + std::visit(Json{}, value);
  }
  return text + "}\n\n";
}

EventStream::EventStream(boost::beast::tcp_stream& stream, std::shared_ptr<void> session,
                         const EventLog& log, Timing timing, AdminCounters& counters)
    : stream_(stream),
      session_(std::move(session)),
      log_(log),
      timing_(timing),
      counters_(counters),
      heartbeat_(stream.get_executor()) {
  counters_.event_streams.fetch_add(1, std::memory_order_relaxed);
}

EventStream::~EventStream() { counters_.event_streams.fetch_sub(1, std::memory_order_relaxed); }

void EventStream::start(std::string head, std::uint64_t after) {
  after_ = after;
  out_ = std::move(head);
  watch_reader();
  send();
}

/// The reader has nothing more to say; an end or an error is all that matters.
void EventStream::watch_reader() {
  stream_.expires_never();
  stream_.async_read_some(asio::buffer(ignored_),
                          [self = shared_from_this()](error_code error, std::size_t) {
                            if (error) return self->stop();
                            self->watch_reader();
                          });
}

std::string EventStream::next_piece() {
  const EventLog::Page page = log_.read(after_, events_per_write);
  std::string text;
  if (page.lost > 0) {
    after_ += page.lost;
    text += id_text(log_.stream(), after_) +
            "event: lost\ndata: {\"events\":" + std::to_string(page.lost) + "}\n\n";
  }
  for (const auto& event : page.events) text += sse_text(*event, log_.stream());
  if (!page.events.empty()) after_ = page.events.back()->number;
  return text;
}

void EventStream::send() {
  if (stopped_) return;
  if (out_.empty()) out_ = next_piece();
  if (out_.empty()) return wait_for_events();
  writing_ = true;
  stream_.expires_after(timing_.write);
  asio::async_write(
      stream_, asio::buffer(out_),
      [self = shared_from_this()](error_code error, std::size_t) { self->on_sent(error); });
}

void EventStream::on_sent(error_code error) {
  writing_ = false;
  out_.clear();
  if (!error) return send();
  if (error == boost::beast::error::timeout) {
    counters_.timeouts.fetch_add(1, std::memory_order_relaxed);
  }
  stop();
}

void EventStream::wait_for_events() {
  heartbeat_.expires_after(timing_.heartbeat);
  heartbeat_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->writing_ || self->stopped_) return;
    self->out_ = ": heartbeat\n\n";
    self->send();
  });
}

void EventStream::wake() {
  if (writing_ || stopped_) return;
  heartbeat_.cancel();
  send();
}

void EventStream::stop() {
  if (std::exchange(stopped_, true)) return;
  heartbeat_.cancel();
  stream_.close();
}

}  // namespace homeostat::admin
