#include "runtime/proxy/stream_coding.hpp"

#include <algorithm>

#include "rules/laws/compression.hpp"
#include "runtime/compress/content_policy.hpp"
#include "runtime/compress/json_tightener.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/credentials.hpp"
#include "runtime/proxy/coding_order.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;

// What a body of unknown length is taken for.
constexpr double typical_bytes = 64 * 1024;

bool is_secret_name(std::string_view name) noexcept {
  return http::is_credential(http::header_id(name));
}

/// The application does not say so, but the rule that tells its pages apart.
bool rule_varies_by_secret(const RequestContext& request) noexcept {
  const cache::CompiledRule* rule = request.decision.rule;
  return rule != nullptr &&
         std::any_of(rule->settings.vary.begin(), rule->settings.vary.end(), is_secret_name);
}

/// Declared to be for everyone, whoever asked.
bool for_everyone(const http::CacheControl& control) noexcept {
  return !control.no_store && (control.public_ || control.s_maxage.value_or(0) > 0);
}

/// Whether a passing response is meant for one user: then its length must not
/// tell what is in it (BREACH). docs/caching.md has the list.
bool bears_secret(const RequestContext& request, const http::HeaderTable& response) {
  if (response.has(HeaderId::set_cookie) || response.has(HeaderId::set_cookie2)) return true;
  const http::CacheControl control = http::parse_cache_control(response);
  if (control.private_ || !control.private_fields[0].empty()) return true;
  const bool varies = response.any_field(HeaderId::vary, [](const http::Field& field) {
    return http::any_list_element(field.value, is_secret_name);
  });
  if (varies || rule_varies_by_secret(request)) return true;
  return !for_everyone(control) && http::carries_credentials(request.head().headers);
}

StreamCoding choose(Worker& worker, const RequestContext& request,
                    const compress::ResponseFacts& facts) {
  const config::CompressionSettings& settings = request.config->settings().compression;
  StreamCoding choice;
  choice.vary = compress::may_compress(settings, facts) == compress::CompressReason::compress;
  if (!choice.vary || worker.policy().mode.emergency || request.decision.no_transform)
    return choice;
  const http::CodingSet wanted =
      worker.wishes(request.head().headers).wanted(request.config->codings());
  if (wanted.empty()) return choice;
  const EndpointPolicy& policy =
      worker.policy().cache.compression_of(request.endpoint, request.draw);
  const CodingOrder order = coding_order(settings, policy);
  const int effort = compress::fixed_effort(settings, policy, facts.content_type);
  if (effort != 0) {
    choice.coding = order.first_of(wanted);
    choice.effort = effort;
    return choice;
  }
  const rules::CompressionChoice best = rules::choose_compression(
      worker.services().streams.costs.current(),
      {.allowed = wanted,
       .bytes = facts.length ? static_cast<double>(*facts.length) : typical_bytes,
       .headroom = worker.policy().cache.compression_headroom,
       .preference = order.list()});
  choice.coding = best.coding;
  choice.effort = best.effort;
  return choice;
}

/// Of a body that passes as it is; the rest is left alone.
config::JsonSettings streamed_json(Worker& worker, const RequestContext& request,
                                   const compress::ResponseFacts& facts) noexcept {
  if (facts.has_content_encoding || facts.has_content_range || worker.policy().mode.emergency) {
    return {};
  }
  return json_of(request, facts.content_type, facts.no_transform);
}

}  // namespace

bool is_validated_for_one(const RequestContext& request, const cache::ObjectHead& head) {
  if (!head.freshness.no_cache || !http::carries_credentials(request.head().headers)) return false;
  http::HeaderTable said;
  head.for_each_origin_field([&](std::string_view name, std::string_view value) {
    if (http::header_id(name) != HeaderId::cache_control) return;
    static_cast<void>(said.add(HeaderId::cache_control, value));
  });
  return !for_everyone(http::parse_cache_control(said));
}

bool varies_by_secret(const RequestContext& request, const cache::ObjectHead& head) {
  bool found = rule_varies_by_secret(request);
  head.for_each_field([&](std::string_view name, std::string_view value) {
    if (found || http::header_id(name) != http::HeaderId::vary) return;
    found = http::any_list_element(value, is_secret_name);
  });
  return found;
}

config::JsonSettings json_of(const RequestContext& request) noexcept {
  const cache::CompiledRule* rule = request.decision.rule;
  return rule != nullptr ? rule->settings.json : config::JsonSettings{};
}

config::JsonSettings json_of(const RequestContext& request, std::string_view content_type,
                             bool no_transform) noexcept {
  const config::JsonSettings json = json_of(request);
  if (!json.any() || no_transform || request.decision.no_transform ||
      !compress::is_json_type(content_type)) {
    return {};
  }
  return json;
}

bool may_differ(const RequestContext& request, const cache::ObjectHead& head,
                std::uint64_t length) {
  if (head.no_transform) return false;
  if (head.encoded) return head.coding != http::Coding::identity;
  if (json_of(request).any() && compress::is_json_type(head.content_type())) return true;
  const config::CompressionSettings& settings = request.config->settings().compression;
  compress::ResponseFacts facts;
  facts.status = static_cast<unsigned>(head.status);
  facts.content_type = head.content_type();
  facts.length = length;
  return settings.mode != config::CompressionSettings::Mode::off &&
         compress::may_compress(settings, facts) == compress::CompressReason::compress;
}

bool compression_on(Worker& worker, const RequestContext& request) {
  if (!compress::switched_on(
          request.config->settings().compression,
          worker.policy().cache.compression_of(request.endpoint, request.draw))) {
    return false;
  }
  // Stored under the key of one user's credentials.
  return !request.decision.authorization_key || request.config->compresses_secrets(request.path);
}

StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                  const http::ResponseHead& head) {
  const bool answers_head = request.head().method == http::Method::head;
  if (head.body == http::BodyKind::none && !answers_head) return {};
  const bool compresses = compression_on(worker, request);
  if (!compresses && !json_of(request).any()) return {};
  const http::HeaderTable& headers = head.headers;
  compress::ResponseFacts facts;
  facts.status = head.status;
  facts.content_type = headers.get(HeaderId::content_type);
  if (head.has_content_length) facts.length = head.content_length;
  facts.no_transform = headers.contains_token(HeaderId::cache_control, "no-transform");
  facts.has_content_encoding = http::single_coding(headers) != http::Coding::identity;
  facts.has_content_range = headers.has(HeaderId::content_range);
  facts.carries_secret = compresses && bears_secret(request, headers) &&
                         !request.config->compresses_secrets(request.path);
  StreamCoding choice = compresses ? choose(worker, request, facts) : StreamCoding{};
  choice.json = streamed_json(worker, request, facts);
  return choice;
}

StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                  const cache::ObjectHead& head,
                                  std::optional<std::uint64_t> length) {
  const bool compresses = compression_on(worker, request);
  if (!compresses && !json_of(request).any()) return {};
  compress::ResponseFacts facts;
  facts.status = static_cast<unsigned>(head.status);
  facts.content_type = head.content_type();
  facts.length = length;
  facts.no_transform = head.no_transform;
  facts.has_content_encoding = head.encoded;
  facts.carries_secret = compresses &&
                         (varies_by_secret(request, head) || is_validated_for_one(request, head)) &&
                         !request.config->compresses_secrets(request.path);
  StreamCoding choice = compresses ? choose(worker, request, facts) : StreamCoding{};
  choice.json = streamed_json(worker, request, facts);
  return choice;
}

}  // namespace homeostat::proxy
