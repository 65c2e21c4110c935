// The sending half of UpstreamCall: head, body pieces, framing, back-pressure.
#include <utility>

#include "runtime/http/chunk.hpp"
#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

void UpstreamCall::dispatch(Instant now) {
  dispatched_ = now;
  head_sent_ = continued_ = false;
  if (!connection_->parser) {
    connection_->parser = std::make_unique<http::ResponseParser>(worker_.response_limits());
  }
  connection_->parser->reset(
      {.head_request = request_.head_method, .upgrade_requested = request_.upgrade});
  out_.clear();
  out_.add(request_.head);
  const Duration silence = set_->silence_after(*target_, request_.endpoint, dispatched_);
  if (silence < set_->settings().timeout) deadlines_.set(Wait::silence, dispatched_ + silence);
  deadlines_.set(Wait::answer, dispatched_ + set_->settings().timeout);
  turn_ = dispatched_;
  connection_->stream.arm_next_readable();
  on_upstream_writable();
}

void UpstreamCall::on_upstream_writable() {
  const Ref<UpstreamCall> keep(this);
  switch (out_.flush(connection_->stream)) {
    case IoStatus::ok: break;
    case IoStatus::would_block:
      arm_for_room();
      connection_->stream.arm_writable();
      return;
    default:
      // The server may have answered before it closed: let the reader decide.
      arm_wheel();
      connection_->stream.arm_readable();
      return;
  }
  sent();
}

/// The upstream's time to answer, or to go on with its answer, runs only while
/// it is the upstream's turn: a client that sends its body slowly has deadlines
/// of its own, and so has one that reads slowly.
void UpstreamCall::arm_for_answer() {
  const bool uploads = request_.body != http::BodyKind::none && !body_ended_;
  const bool clients_turn = uploads && !awaits_continue();
  if (clients_turn || paused_ || !out_.empty()) {
    disarm(Wait::answer);
    if (clients_turn && !paused_ && out_.empty()) begin_clients_turn();
    return;
  }
  if (!uploads) {
    clients_turn_over();
    // It is at work, whatever the limit says.
    if (std::exchange(lent_, false)) permit_.step_back_always();
  }
  const auto& settings = set_->settings();
  arm(Wait::answer, head_received_ ? settings.body_timeout : settings.timeout);
  // 100 is the upstream's to send, but without a body there is no work.
  if (uploads) begin_clients_turn();
}

/// The upstream takes no more for now. While its answer is not read, that may
/// be the reason, and the client's pace counts.
void UpstreamCall::arm_for_room() {
  if (paused_) return;
  const auto& settings = set_->settings();
  arm(Wait::send, head_received_ ? settings.body_timeout : settings.timeout);
}

void UpstreamCall::sent() {
  frame_.clear();
  disarm(Wait::send);
  arm_for_answer();
  if (!head_sent_) {
    head_sent_ = true;
    if (request_.body != http::BodyKind::none) sink_->on_upstream_wants_body();
    return;
  }
  if (body_waiting_) {
    body_waiting_ = false;
    sink_->on_upstream_body_drained();
  }
}

void UpstreamCall::add_body(std::string_view piece) {
  if (piece.empty()) return;
  body_started_ = true;
  if (request_.body != http::BodyKind::chunked) {
    out_.add(piece);
    return;
  }
  // frame_ must not move while out_ points into it.
  constexpr std::size_t room_for_frames = 4096;
  if (frame_.capacity() < room_for_frames) frame_.reserve(room_for_frames);
  const std::size_t start = frame_.size();
  frame_.append(http::ChunkHeader(piece.size()).text());
  out_.add(std::string_view(frame_).substr(start));
  out_.add(piece);
  out_.add(http::chunk_data_end);
}

void UpstreamCall::end_body(const http::HeaderTable* trailers) {
  body_started_ = true;
  body_ended_ = true;
  if (request_.body != http::BodyKind::chunked) return;
  if (trailers == nullptr || trailers->empty()) {
    out_.add(http::last_chunk);
    return;
  }
  std::string last;
  http::append_last_chunk(last, *trailers);
  // Flush what points into frame_ before it may move.
  if (frame_.size() + last.size() > frame_.capacity() &&
      out_.flush(connection_->stream) != IoStatus::ok) {
    out_.add(http::last_chunk);  // trailers are optional; framing is not
    return;
  }
  const std::size_t start = frame_.size();
  frame_ += last;
  out_.add(std::string_view(frame_).substr(start));
}

void UpstreamCall::send_whole_body(std::string_view body) {
  add_body(body);
  end_body(nullptr);
  (void)flush_body();
}

bool UpstreamCall::flush_body() {
  if (over_ || !connection_) return false;
  if (lent_ && body_ended_ && !regain_slot()) return false;
  switch (out_.flush(connection_->stream)) {
    case IoStatus::ok:
      frame_.clear();
      disarm(Wait::send);
      arm_for_answer();
      return true;
    case IoStatus::would_block:
      body_waiting_ = true;
      clients_turn_over();
      disarm(Wait::answer);
      arm_for_room();
      connection_->stream.arm_writable();
      return false;
    default:
      connection_->stream.arm_readable();  // an early answer may be waiting
      return false;
  }
}

}  // namespace homeostat::proxy
