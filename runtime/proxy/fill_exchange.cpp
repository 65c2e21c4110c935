#include "runtime/proxy/fill_exchange.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/cache/preconditions.hpp"
#include "runtime/compress/json_tightener.hpp"
#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/forward_exchange.hpp"
#include "runtime/proxy/local_response.hpp"
#include "runtime/proxy/object_reply.hpp"
#include "runtime/proxy/range_reply.hpp"
#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/stale_reply.hpp"
#include "runtime/proxy/stored_form.hpp"
#include "runtime/proxy/stream_coding.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

using telemetry::CacheResult;

FillExchange::FillExchange(ClientConnection& connection, cache::FillReader reader,
                           const cache::CacheStatus& status, bool leader)
    : connection_(&connection),
      worker_(connection.worker()),
      reader_(std::move(reader)),
      status_(status),
      leader_(leader),
      writer_(connection.worker()) {
  status_.collapsed = !leader;
}

FillExchange::~FillExchange() { leave(); }

void FillExchange::lead(cache::FillLeader leader) {
  const Ref<FillExchange> keep(this);
  task_ = make_ref<FetchTask>(worker_, std::move(leader), connection_->shared_request(),
                              connection_->request().decision, connection_->client_address());
  const Ref<FetchTask> task = task_;
  task->start(*this);
}

void FillExchange::start() {
  const Ref<FillExchange> keep(this);
  connection_->request().outcome.cache = leader_ ? CacheResult::miss : CacheResult::collapsed;
  connection_->watch_client();
  if (!leader_) {
    // Counted from the request, however many fills it has waited for.
    const RequestContext& request = connection_->request();
    const Duration waited = worker_.now() - request.started;
    const Duration left = request.config->settings().cache.fill_wait_max - waited;
    connection_->arm_deadline(ClientWait::answer, std::max(left, Duration::zero()));
  }
  connection_->arm_request_deadline();
  proceed();
}

void FillExchange::note_upstream(int status, Duration latency) {
  status_.forward_status = status;
  RequestOutcome& outcome = connection_->request().outcome;
  outcome.upstream_latency = latency;
  if (status == 304) outcome.cache = CacheResult::revalidated;
}

void FillExchange::note_shared(Duration ttl) {
  status_.hit = true;
  status_.forward = cache::Forward::none;
  status_.ttl = ttl;
  status_.detail = cache::Reason::shared;
  connection_->request().outcome.cache = CacheResult::shared;
}

void FillExchange::pass_interim(const http::ResponseHead& head) {
  if (writer_.started() || connection_->request().head().version_minor == 0 || head.status == 101) {
    return;
  }
  std::string text;
  append_interim(head, text);
  iovec piece{text.data(), text.size()};
  const IoResult result = connection_->stream.write({&piece, 1});
  // 1xx are hints: a client without room for one goes without; half of one
  // cannot be taken back.
  if (result.status == IoStatus::ok && result.bytes < text.size()) {
    const Ref<FillExchange> keep(this);
    connection_->request().outcome.client_abort = true;
    leave();
    connection_->abort();
  }
}

void FillExchange::adopt(Ref<UpstreamCall> call, const http::ResponseHead& head,
                         cache::Reason reason) {
  const Ref<FillExchange> keep(this);
  reader_.reset();
  task_.reset();
  status_.detail = reason;
  auto forward = make_ref<ForwardExchange>(*connection_, status_);
  connection_->replace_exchange(forward);
  forward->adopt(std::move(call), head);
}

// -- following the fill -------------------------------------------------------------

void FillExchange::wait() {
  reader_->wait(worker_.context().get_executor(),
                [this, keep = Ref<FillExchange>(this)] { proceed(); });
}

void FillExchange::proceed() {
  const Ref<FillExchange> keep(this);
  if (!reader_ || flushing_) return;
  switch (reader_->state()) {
    case cache::FillState::waiting: wait(); return;
    case cache::FillState::uncacheable: uncacheable(); return;
    case cache::FillState::failed: failed(); return;
    default: break;
  }
  if (!writer_.started() && !begin_response()) return;
  send_pieces();
}

/// Whether somebody else's answer is this request's as well. False: it was handed over.
bool FillExchange::shares_answer() {
  RequestContext& request = connection_->request();
  if (reader_->overtaken()) {
    look_again();
    return false;
  }
  if (!reader_->accepts(request.head().headers)) {  // another variant's, or another query's
    if (request.fill_attempts < rejoins_max) {
      ++request.fill_attempts;
      look_again();
    } else {
      forward_instead(cache::Reason::none);
    }
    return false;
  }
  const cache::Reason reason = reader_->refusal(request.decision, worker_.now());
  if (reason != cache::Reason::none) forward_instead(reason);
  return reason == cache::Reason::none;
}

/// False: the request was answered or handed over instead.
bool FillExchange::begin_response() {
  RequestContext& request = connection_->request();
  if (!leader_ && !shares_answer()) return false;
  connection_->disarm_deadline(ClientWait::answer);
  connection_->disarm_request_deadline();
  // Made for somebody else's request: what it says about codings may not fit this one.
  const bool of_another =
      !leader_ || status_.forward_status == 304 || status_.detail == cache::Reason::shared;
  if (cache::ObjectPtr object = reader_->object(); object) {
    request.outcome.json = compress::is_json_type(object->head().content_type());
    if (of_another && must_ask_origin(*connection_, object)) {
      worker_.cache().count(cache::Reason::content_coding);
      forward_instead(cache::Reason::content_coding);
      return false;
    }
    if (!streams_tighter(*object)) {
      const CacheResult result = request.outcome.cache;
      const bool tell_age = age_to_tell(object->head()).has_value();
      leave();
      reply_with_object(*connection_, std::move(object), status_, result, tell_age);
      return false;
    }
  }
  const cache::ObjectHead& head = *reader_->head();
  if (of_another && refuses_coding(*connection_, head)) {
    worker_.cache().count(cache::Reason::content_coding);
    forward_instead(cache::Reason::content_coding);
    return false;
  }
  if (!judge_condition(head)) return false;
  const StreamCoding coding =
      choose_stream_coding(worker_, request, head, reader_->content_length());
  std::string text;
  cache::write_cache_status(status_, text);
  ResponseExtras extras;
  extras.cache_status = text;
  extras.close = connection_->will_close();
  extras.age = age_to_tell(head);
  request.outcome.status = head.status;
  request.outcome.json = compress::is_json_type(head.content_type());
  if (cache::evaluate_preconditions(request.head().headers, head) ==
      cache::Precondition::not_modified) {
    answer_not_modified(head, text, coding);
    return false;
  }
  if (request.decision.range) return begin_range(head, extras);
  writer_.start_stored(request, head, reader_->content_length(), extras, coding);
  return true;
}

/// RFC 9111 section 5.1: what the application made for this very request has no age.
std::optional<Duration> FillExchange::age_to_tell(const cache::ObjectHead& head) const {
  const Duration age = head.freshness.age(worker_.now());
  const bool told = head.aged || status_.detail == cache::Reason::shared ||
                    (!leader_ && age >= std::chrono::seconds(1));
  return told ? std::optional(age) : std::nullopt;
}

void FillExchange::answer_not_modified(const cache::ObjectHead& head,
                                       const std::string& cache_status,
                                       const StreamCoding& coding) {
  RequestContext& request = connection_->request();
  std::string answer;
  cache::write_not_modified(head, answer, coding.changes_body());
  if (const std::optional<Duration> age = age_to_tell(head)) {
    answer += "Age: ";
    cache::write_age(*age, answer);
    answer += "\r\n";
  }
  answer += "Cache-Status: " + cache_status + "\r\n";
  if (coding.vary && !head.varies_by_coding) answer += "Vary: Accept-Encoding\r\n";
  answer += request.limit_fields;
  if (connection_->will_close()) {
    answer += "Connection: close\r\n";
  } else if (request.head().version_minor == 0) {
    answer += "Connection: keep-alive\r\n";
  }
  answer += "\r\n";
  request.outcome.status = 304;
  leave();
  connection_->hand_over(make_ref<LocalResponse>(*connection_, std::move(answer),
                                                 cache::ObjectPtr(), std::uint64_t{0}, true));
}

/// The body is here already, and no tightened form of it yet: it is sent as if it
/// were still coming. Conditions and ranges want the stored response itself.
bool FillExchange::streams_tighter(const cache::Object& object) const {
  const RequestContext& request = connection_->request();
  const cache::RequestDecision& decision = request.decision;
  if (status_.forward_status == 304 || decision.range || decision.precondition) return false;
  const http::HeaderTable& headers = request.head().headers;
  if (headers.has(http::HeaderId::if_none_match)) return false;
  return choose_stream_coding(worker_, request, object.head(), object.body_bytes()).json.any();
}

/// What If-Match asks about is known when the whole body is. False: it must wait,
/// or was answered.
bool FillExchange::judge_condition(const cache::ObjectHead& head) {
  const RequestContext& request = connection_->request();
  if (!cache::fails_own_condition(request.decision, request.head().headers, head.status, nullptr)) {
    return true;
  }
  if (reader_->state() != cache::FillState::complete) {
    await_whole();
    return false;
  }
  leave();  // it was not kept, so nobody gets such a tag of it
  reply_condition_failed(*connection_, status_);
  return false;
}

/// A range of a body that is still coming; `partial` is cut from the stream, the
/// rest waits for the whole. False: nothing is to be sent now.
bool FillExchange::begin_range(const cache::ObjectHead& head, const ResponseExtras& extras) {
  using Kind = http::ByteRanges::Kind;
  const RequestContext& request = connection_->request();
  const std::optional<std::uint64_t> length = reader_->content_length();
  if (head.status == 200 && !length) {
    forward_instead(cache::Reason::range);  // where a range ends is not known
    return false;
  }
  const http::ByteRanges ranges =
      ranges_of(request, head, length.value_or(0), may_differ(request, head, length.value_or(0)));
  if (ranges.kind() == Kind::ignored) {
    writer_.start_stored(request, head, length, extras, {});
    return true;
  }
  if (ranges.kind() == Kind::unsatisfiable) {
    const std::string status(extras.cache_status);
    leave();
    reply_unsatisfiable(*connection_, *length, status);
    return false;
  }
  if (ranges.ranges().size() > 1) {
    if (reader_->state() == cache::FillState::complete) {
      forward_instead(cache::Reason::range);  // it was not kept
    } else {
      await_whole();
    }
    return false;
  }
  range_ = ranges.ranges().front();
  connection_->request().outcome.status = 206;
  writer_.start_partial(request, head, *range_, *length, extras);
  return true;
}

void FillExchange::await_whole() {
  if (!leader_) {
    connection_->arm_deadline(ClientWait::answer,
                              connection_->request().config->settings().cache.fill_wait_max);
  }
  static_cast<void>(skip_to(UINT64_MAX));
  wait();
}

/// Lets go of what comes before `offset`; false: not all of it has come yet.
bool FillExchange::skip_to(std::uint64_t offset) {
  while (reader_->consumed() < offset) {
    std::array<std::string_view, UpstreamCall::pieces_max> views;
    const std::size_t count = reader_->gather(views);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += views[i].size();
    if (bytes == 0) return false;
    reader_->consume(static_cast<std::size_t>(std::min(bytes, offset - reader_->consumed())));
  }
  return true;
}

void FillExchange::send_pieces() {
  // The state first: what is complete now is complete in what gather() finds.
  const bool complete = reader_->state() == cache::FillState::complete;
  if (range_ && !skip_to(range_->offset)) {
    wait();
    return;
  }
  std::array<std::string_view, UpstreamCall::pieces_max> views;
  std::size_t count = reader_->gather(views);
  sending_ = 0;
  std::uint64_t left = range_ ? range_->end() - reader_->consumed() : UINT64_MAX;
  for (std::size_t i = 0; i < count; ++i) {
    views[i] = views[i].substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(left, views[i].size())));
    sending_ += views[i].size();
    left -= views[i].size();
  }
  body_done_ = range_ ? left == 0 : complete && count < views.size();
  if (!writer_.add({views.data(), count}, body_done_)) {
    connection_->abort();
    return;
  }
  flush();
}

void FillExchange::flush() {
  flushing_ = true;
  switch (writer_.flush(connection_->stream)) {
    case IoStatus::ok: break;
    case IoStatus::would_block:
      connection_->await_room();
      if (!std::exchange(watching_, true)) {
        reader_->wait_cut_off(worker_.context().get_executor(),
                              [this, keep = Ref<FillExchange>(this)] { cut_off(); });
      }
      return;
    default:
      connection_->request().outcome.client_abort = true;
      leave();
      connection_->abort();
      return;
  }
  flushing_ = watching_ = false;
  connection_->all_sent();
  connection_->request().outcome.response_bytes = writer_.body_bytes();
  if (reader_ && sending_ > 0) reader_->consume(sending_);
  sending_ = 0;
  if (body_done_) {
    const bool reusable = !writer_.delimited_by_close();
    leave();
    connection_->finish(reusable);
    return;
  }
  wait();
}

}  // namespace homeostat::proxy
