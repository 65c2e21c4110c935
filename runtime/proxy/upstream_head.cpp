#include "runtime/proxy/upstream_head.hpp"

#include <algorithm>
#include <iterator>

#include "runtime/cache/preconditions.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/deadline_field.hpp"
#include "runtime/http/etag.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/proxy/request_context.hpp"
#include "runtime/proxy/stream_coding.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using http::HeaderId;

constexpr std::size_t line_end = 2;

constexpr auto class_lowest = static_cast<std::uint8_t>(rules::priority_class_count - 1);

/// Schemes that authenticate the connection, and whatever comes on it afterwards, instead
/// of one request (RFC 4559 section 6, MS-NTHT).
bool authenticates_connection(const http::HeaderTable& headers) {
  static constexpr std::string_view schemes[] = {"NTLM", "Negotiate", "Kerberos", "Nego2"};
  return headers.any_field(HeaderId::authorization, [](const http::Field& field) {
    const std::string_view scheme = field.value.substr(0, field.value.find_first_of(" \t,"));
    return std::any_of(std::begin(schemes), std::end(schemes),
                       [&](std::string_view one) { return http::iequals(scheme, one); });
  });
}

/// What asks for less than the whole response; a fill asks for all of it.
bool is_condition(HeaderId id) noexcept {
  return id == HeaderId::if_none_match || id == HeaderId::if_modified_since ||
         id == HeaderId::if_match || id == HeaderId::if_unmodified_since ||
         id == HeaderId::if_range || id == HeaderId::range;
}

/// Whether this agent may have changed the body of responses to this request.
bool may_change_body(const RequestContext& request) {
  return request.config->settings().compression.mode != config::CompressionSettings::Mode::off ||
         json_of(request).any();
}

/// A date is the same for every form of a response: with what the client has of one, parts of
/// another would make a broken body. A tag is not, since those of forms made here are weak.
bool resumes_another_form(const RequestContext& request) {
  const http::Field* condition = request.head().headers.find(HeaderId::if_range);
  return condition != nullptr && !http::parse_entity_tag(condition->value) &&
         may_change_body(request);
}

/// Fields of the client's request that are not meant for this one: what asks for
/// less than the whole, and for how long this client will wait.
bool is_dropped(const http::Field& field, const RequestContext& request, UpstreamPurpose purpose) {
  // The client has its answer; what it wanted of caches is none of those further up.
  if (purpose == UpstreamPurpose::refresh &&
      (field.id == HeaderId::cache_control || field.id == HeaderId::pragma)) {
    return true;
  }
  if (purpose != UpstreamPurpose::pass) {
    return is_condition(field.id) || request.config->admission().deadline_format(field);
  }
  if ((field.id == HeaderId::range || field.id == HeaderId::if_range) &&
      resumes_another_form(request)) {
    return true;
  }
  // The origin does not know this agent's tags, and with If-Match the date says nothing.
  return request.decision.judges_condition() &&
         (field.id == HeaderId::if_match || field.id == HeaderId::if_unmodified_since);
}

/// How much time is left, in a field that counts down, as it stands in the head.
void note_time_left(const http::Field& field, Worker& worker, const RequestContext& request,
                    UpstreamRequest& result) {
  const auto format = request.config->admission().deadline_format(field);
  if (!format || !http::counts_down(*format, field.value)) return;
  const auto left = http::time_left(*format, field.value, worker.wall_now());
  if (!left) return;
  result.times_left.push_back({result.head.size() - line_end - field.value.size(),
                               field.value.size(), *format, request.started + *left});
}

void append_fields(http::HeadWriter& out, Worker& worker, const RequestContext& request,
                   UpstreamPurpose purpose, UpstreamRequest& result) {
  const http::HeaderTable& headers = request.head().headers;
  const bool via = request.config->server().via;
  const bool trust = request.config->server().trust_forwarded;
  const bool encodes = may_change_body(request);
  const http::HopByHopFilter filter(headers);
  for (const http::Field& field : headers) {
    if (!filter.forwarded(field) || http::is_forwarding_field(field.id) ||
        field.id == HeaderId::host || field.id == HeaderId::content_length ||
        (!trust && http::is_proxy_statement(field.id)) || (via && field.id == HeaderId::via) ||
        is_dropped(field, request, purpose)) {
      continue;
    }
    if (field.id == HeaderId::max_forwards && request.head().method == http::Method::options) {
      if (const auto left = http::forwards_left(headers); left.value_or(0) > 0) {
        out.field(field.id, *left - 1);
        continue;
      }
    }
    // A client that got an encoded or tightened response knows its tag made weak, and a weak
    // tag never satisfies If-Match (RFC 9110 section 13.1.1).
    if (field.id == HeaderId::if_match && encodes) {
      out.field(field.name, http::with_strong_forms(field.value));
      continue;
    }
    out.field(field);
    note_time_left(field, worker, request, result);
  }
}

void write_request_line(http::HeadWriter& out, std::string_view method, std::string_view target) {
  std::string completed;
  if (!target.starts_with('/') && target != "*") {
    completed = "/";
    completed += target;
    target = completed;
  }
  out.request_line(method, target);
}

/// Without one the chosen target's is put there later.
void write_host(http::HeadWriter& out, std::string_view host, UpstreamRequest& result) {
  out.field(HeaderId::host, host);
  if (host.empty()) result.host_at = result.head.size() - line_end;
}

}  // namespace

UpstreamRequest make_upstream_request(Worker& worker, const RequestContext& request,
                                      std::string_view client_address, UpstreamPurpose purpose,
                                      const cache::Object* validate) {
  const http::RequestHead& head = request.head();
  const config::Settings& settings = request.config->settings();
  const bool refresh = purpose == UpstreamPurpose::refresh;
  // HEAD is answered from what GET stores, so GET is what refreshes it.
  const bool head_method = head.method == http::Method::head;
  UpstreamRequest result;
  result.head_method = head_method && !refresh;
  result.idempotent = http::is_idempotent(head.method);
  // A body and a switch of protocols cannot share the connection's bytes.
  result.upgrade = head.upgrade && head.body == http::BodyKind::none;
  result.binds_connection = authenticates_connection(head.headers);
  result.body = head.body;
  result.expect_continue = head.expect_continue && head.body != http::BodyKind::none;
  result.endpoint = request.endpoint;
  result.priority_class = refresh ? class_lowest : request.priority_class;
  result.weight = request.terms.weight;
  result.cap = request.terms.cap;
  result.stream = request.terms.stream;
  if (!refresh) {
    result.tenant = request.terms.tenant;
    result.deadline = request.terms.deadline;
  }
  result.head.reserve(512);
  http::HeadWriter out(result.head);
  write_request_line(out, head_method && refresh ? "GET" : head.method_text,
                     request.target.path_query);
  const std::string_view host = http::effective_host(request.target, head.host);
  write_host(out, settings.upstream.preserve_host ? host : std::string_view{}, result);
  append_fields(out, worker, request, purpose, result);
  // Nobody's own conditions count in a refresh.
  static const http::HeaderTable nothing;
  if (validate != nullptr) {
    cache::write_validators(validate->head(), refresh ? nothing : head.headers, result.head);
  }
  worker.forwarding().append(
      out, head.headers,
      {.client_address = client_address, .host = host, .trust = settings.server.trust_forwarded});
  if (settings.server.via) {
    http::append_via(out, head.headers, head.version_minor, worker.pseudonym());
  }
  if (result.upgrade) {
    out.field(HeaderId::connection, "Upgrade");
    out.field(HeaderId::upgrade, head.headers.get(HeaderId::upgrade));
  }
  if (head.body == http::BodyKind::chunked) {
    out.field(HeaderId::transfer_encoding, "chunked");
  } else if (head.body == http::BodyKind::length || head.headers.has(HeaderId::content_length)) {
    out.field(HeaderId::content_length, head.content_length);
  }
  out.end();
  return result;
}

}  // namespace homeostat::proxy
