#include "runtime/proxy/gzip_variant.hpp"

#include <cstring>
#include <memory>
#include <utility>

#include "runtime/compress/content_policy.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

/// A variant must earn its memory.
constexpr double worthwhile_ratio = 0.9;

bool accepts_gzip(const RequestContext& request) {
  const http::HeaderTable& headers = request.head().headers;
  if (!headers.has(http::HeaderId::accept_encoding)) return false;
  return http::negotiate_coding(headers, {http::Coding::gzip}).coding == http::Coding::gzip;
}

/// Cheap test before anything is looked at closely.
bool may_compress(Worker& worker, const RequestContext& request) {
  using Mode = config::CompressionSettings::Mode;
  const Mode mode = request.config->settings().compression.mode;
  if (mode == Mode::off) return false;
  const EndpointPolicy& policy = worker.policy().cache.of(request.endpoint);
  return policy.compress.value_or(mode == Mode::on) && accepts_gzip(request);
}

compress::ResponseFacts facts_of(Worker& worker, const cache::ObjectHead& head,
                                 std::optional<std::uint64_t> length) {
  compress::ResponseFacts facts;
  facts.status = static_cast<unsigned>(head.status);
  facts.content_type = head.content_type();
  facts.length = length;
  facts.no_transform = head.no_transform;
  facts.has_content_encoding = head.encoded;
  facts.emergency = worker.policy().mode.emergency;
  return facts;
}

struct EncodingWork {
  cache::ObjectPtr object;
  std::string joined;  ///< body in one piece, if it is in several
};

void build_variant(Worker& worker, const cache::ObjectPtr& object, int level) {
  auto work = std::make_shared<EncodingWork>();
  work->object = object;
  std::string_view input;
  if (object->body().size() == 1) {
    input = object->body().front().view();
  } else {
    work->joined.reserve(object->body_bytes());
    for (const cache::BodyPart& part : object->body()) work->joined += part.view();
    input = work->joined;
  }
  cache::Cache& cache = worker.cache().cache();
  const bool queued = worker.services().compress_pool.submit(
      {.input = input,
       .owner = work,
       .level = level,
       .done = [work, &cache](bool ok, std::string& output) {
         const auto limit = static_cast<double>(work->object->body_bytes()) * worthwhile_ratio;
         if (!ok || static_cast<double>(output.size()) > limit) {
           work->object->refuse_encoding();
           return;
         }
         cache::BodyPart part{cache::Block::allocate(output.size()), output.size()};
         std::memcpy(part.block->data(), output.data(), output.size());
         cache::Body body;
         body.push_back(std::move(part));
         if (!cache.attach_encoded(work->object,
                                   cache::Object::make(cache::encoded_head(*work->object, "gzip"),
                                                       std::move(body)))) {
           work->object->refuse_encoding();
         }
       }});
  if (!queued) object->refuse_encoding();
}

}  // namespace

cache::ObjectPtr choose_variant(ClientConnection& connection, cache::ObjectPtr object) {
  Worker& worker = connection.worker();
  const RequestContext& request = connection.request();
  if (!may_compress(worker, request)) return object;
  switch (object->encoding_state()) {
    case cache::Object::EncodingState::ready:
      if (const cache::Object* encoded = object->encoded(); encoded != nullptr) {
        return cache::ObjectPtr(encoded);
      }
      return object;
    case cache::Object::EncodingState::none: break;
    default: return object;
  }
  const config::CompressionSettings& settings = request.config->settings().compression;
  const compress::CompressDecision decision =
      compress::should_compress(settings, worker.policy().cache.of(request.endpoint),
                                facts_of(worker, object->head(), object->body_bytes()));
  if (!decision.compress() || object->body_bytes() > settings.max_size) return object;
  if (object->try_begin_encoding()) build_variant(worker, object, decision.level);
  return object;
}

int gzip_level_for(Worker& worker, const RequestContext& request, const http::ResponseHead& head) {
  if (head.body == http::BodyKind::none || !may_compress(worker, request)) return 0;
  const http::HeaderTable& headers = head.headers;
  compress::ResponseFacts facts;
  facts.status = head.status;
  facts.content_type = headers.get(http::HeaderId::content_type);
  if (head.body == http::BodyKind::length) facts.length = head.content_length;
  facts.no_transform = headers.contains_token(http::HeaderId::cache_control, "no-transform");
  facts.has_content_encoding = headers.has(http::HeaderId::content_encoding) &&
                               headers.get(http::HeaderId::content_encoding) != "identity";
  facts.has_content_range = headers.has(http::HeaderId::content_range);
  facts.carries_secret = headers.has(http::HeaderId::set_cookie) ||
                         request.head().headers.has(http::HeaderId::authorization);
  facts.emergency = worker.policy().mode.emergency;
  const compress::CompressDecision decision = compress::should_compress(
      request.config->settings().compression, worker.policy().cache.of(request.endpoint), facts);
  return decision.compress() ? decision.level : 0;
}

int gzip_level_for(Worker& worker, const RequestContext& request, const cache::ObjectHead& head,
                   std::optional<std::uint64_t> length) {
  if (!may_compress(worker, request)) return 0;
  const compress::CompressDecision decision = compress::should_compress(
      request.config->settings().compression, worker.policy().cache.of(request.endpoint),
      facts_of(worker, head, length));
  return decision.compress() ? decision.level : 0;
}

}  // namespace homeostat::proxy
