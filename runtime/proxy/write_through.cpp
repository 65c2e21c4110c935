#include "runtime/proxy/write_through.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/cache/uri_reference.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/own_request.hpp"
#include "runtime/proxy/unsafe_outcome.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;

/// Fields that are about the write itself, or about a representation its client has.
bool of_the_write(const http::Field& field) noexcept {
  constexpr std::string_view content = "content-";
  if (field.name.size() > content.size() &&
      http::iequals(field.name.substr(0, content.size()), content)) {
    return true;
  }
  switch (field.id) {
    case HeaderId::host:
    case HeaderId::range:
    case HeaderId::if_match:
    case HeaderId::if_none_match:
    case HeaderId::if_modified_since:
    case HeaderId::if_unmodified_since:
    case HeaderId::if_range:
    case HeaderId::expect:
    case HeaderId::cache_control:
    case HeaderId::pragma:
    case HeaderId::trailer: return true;
    default: return false;
  }
}

std::string fields_of(const http::HeaderTable& request) {
  const http::HopByHopFilter filter(request);
  std::string lines;
  for (const http::Field& field : request) {
    if (of_the_write(field) || !filter.forwarded(field)) continue;
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return lines;
}

std::string target_of(const RequestContext& request, const http::ResponseHead& response) {
  std::string path(request.target.path);
  std::string_view query = request.target.query;
  cache::LocalUri made;
  if (response.status == 201) {
    made = cache::local_uri(response.headers.get(HeaderId::location), request.host, request.path);
    if (!made.path.empty()) {
      path = made.path;
      query = made.query;
    }
  }
  if (!query.empty()) path.append("?").append(query);
  return path;
}

}  // namespace

const char* to_string(WriteThroughResult result) noexcept {
  static constexpr std::array<const char*, write_through_result_count> words = {
      "stored", "uncacheable", "failed", "late"};
  return words[static_cast<std::size_t>(result)];
}

bool WriteThrough::wanted(const Worker& worker, const RequestContext& request,
                          const http::ResponseHead& response) {
  const std::string_view method = request.head().method_text;
  const bool writes = method == "PUT" || method == "PATCH" || method == "POST";
  return writes && response.status >= 200 && response.status < 300 && !response.upgrade &&
         !worker.draining() && request.config->cache_rules().writes_through(request.path);
}

WriteThrough::WriteThrough(Worker& worker, const RequestContext& request,
                           const http::ResponseHead& response, std::string client_address)
    : worker_(worker),
      host_(request.host),
      client_address_(std::move(client_address)),
      target_(target_of(request, response)),
      fields_(fields_of(request.head().headers)) {}

void WriteThrough::start(const RequestContext& request, const http::ResponseHead& response) {
  // The log's number comes on another thread. What is fetched before there is one would be dead
  // in the tier.
  invalidate_after(worker_, request, response,
                   [weak = weak_from_this(), executor = worker_.context().get_executor()] {
                     boost::asio::post(executor, [weak] {
                       if (const auto self = weak.lock()) self->told();
                     });
                   });
}

void WriteThrough::when_done(Instant latest, std::function<void()> done) {
  done_ = std::move(done);
  answered_ = true;
  latest_ = latest;
  const tier::WorkerTier* tier = worker_.tier();
  told_ = told_ || tier == nullptr || !tier->ready();
  const Duration budget = worker_.config()->settings().cache.redis.timeout;
  worker_.wheel().arm(*this, told_ ? latest : std::min(latest, worker_.now() + budget));
  proceed();
}

void WriteThrough::told() {
  told_ = true;
  proceed();
}

void WriteThrough::proceed() {
  if (!told_ || !answered_ || std::exchange(began_, true)) return;
  fetch();
}

void WriteThrough::fetch() {
  const std::shared_ptr<WriteThrough> keep = shared_from_this();
  const Ref<RequestContext> request = make_own_request(worker_, host_, target_, fields_);
  if (!request || worker_.draining()) return end(WriteThroughResult::failed);
  cache::RequestDecision& decision = request->decision;
  if (!decision.lookup || !decision.store) return end(WriteThroughResult::uncacheable);
  decision.revalidate = true;  // of the application, not of the tier
  cache::FillStart begin = worker_.cache().begin_fill(
      request->cache_request, decision, {}, request->started, cache::FillPurpose::refresh);
  switch (begin.kind) {
    case cache::FillStart::Kind::hit: return end(WriteThroughResult::stored);
    case cache::FillStart::Kind::pass: return end(WriteThroughResult::uncacheable);
    case cache::FillStart::Kind::follower:
      // Somebody asked for it after it was invalidated.
      reader_ = std::move(begin.follower);
      return follow();
    case cache::FillStart::Kind::leader: break;
  }
  const auto task =
      make_ref<FetchTask>(worker_, std::move(*begin.leader), request, decision, client_address_);
  task->start_unasked([keep](cache::RefreshResult result) { keep->fetched(result); });
}

void WriteThrough::follow() {
  switch (reader_->state()) {
    case cache::FillState::waiting:
    case cache::FillState::streaming:
      skip_body();
      reader_->wait(worker_.context().get_executor(), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->follow();
      });
      return;
    case cache::FillState::complete: return end(WriteThroughResult::stored);
    case cache::FillState::uncacheable: return end(WriteThroughResult::uncacheable);
    case cache::FillState::failed: return end(WriteThroughResult::failed);
  }
}

/// It wants nothing of it, and must hold nobody up.
void WriteThrough::skip_body() {
  std::array<std::string_view, 16> views;
  while (const std::size_t count = reader_->gather(views)) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += views[i].size();
    if (bytes == 0) return;
    reader_->consume(bytes);
  }
}

void WriteThrough::fetched(cache::RefreshResult result) {
  switch (result) {
    case cache::RefreshResult::updated:
    case cache::RefreshResult::not_modified: return end(WriteThroughResult::stored);
    case cache::RefreshResult::uncacheable: return end(WriteThroughResult::uncacheable);
    default: return end(WriteThroughResult::failed);
  }
}

/// Redis had its time to hear of it, or the client has waited long enough.
void WriteThrough::on_deadline() {
  if (worker_.now() >= latest_) return end(WriteThroughResult::late);
  worker_.wheel().arm(*this, latest_);
  told();
}

/// Once; a fetch that ends later has nobody who waits.
void WriteThrough::end(WriteThroughResult result) {
  if (std::exchange(ended_, true)) return;
  const std::shared_ptr<WriteThrough> keep = shared_from_this();
  worker_.wheel().disarm(*this);
  worker_.counters().count(result);
  if (const auto done = std::exchange(done_, nullptr)) done();
}

}  // namespace homeostat::proxy
