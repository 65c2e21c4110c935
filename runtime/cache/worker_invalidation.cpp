// What responses to unsafe methods and to HEAD mean for what is stored.
#include <utility>
#include <vector>

#include "runtime/cache/uri_reference.hpp"
#include "runtime/cache/worker.hpp"
#include "runtime/http/structured_field.hpp"

namespace homeostat::cache {
namespace {

// Of one Cache-Group-Invalidation: more than a response's head can hold.
constexpr std::size_t groups_max = 65536;

/// RFC 9111 section 4.4: of an unsafe request, a response that is no error.
bool makes_outdated(const Response& response) noexcept {
  return response.status >= 200 && response.status < 400;
}

}  // namespace

bool Worker::learn_from_head(const Request& request, const RequestDecision& decision,
                             const ObjectPtr& stored, const Response& head,
                             const EndpointPolicy& policy) {
  switch (compare_head_response(*stored, head)) {
    case HeadComparison::unknown: return true;
    case HeadComparison::differs: cache_.drop_object(*stored); return false;
    case HeadComparison::same: break;
  }
  RequestDecision storing = decision;
  storing.store = true;
  auto refreshed = refreshed_head(*stored, storing, request, head, policy);
  if (!refreshed) {
    cache_.drop_object(*stored);
    return false;
  }
  FillStart start = begin_fill(request, decision, stored, head.received);
  if (start.kind != FillStart::Kind::leader) return true;
  // Asked now that purges know of the fill: each is seen either here or by the fill. What was
  // purged softly is for a GET to bring back, since this answer may be older than the purge.
  if (!start.leader->stale() || !cache_.holds(slot_, *stored) || stored->softened()) {
    start.leader->abandon(Reason::invalidated);
    return true;
  }
  start.leader->complete_refreshed(std::move(*refreshed), *request.fields, head.received);
  return true;
}

void Worker::tell_url(Outdated& told, std::string_view host, std::string_view path,
                      std::string_view query, const RequestRules& rules) {
  std::string url = "http://" + std::string(host) + std::string(path);
  if (!query.empty()) url.append("?").append(query);
  told.urls.push_back(std::move(url));
  Request request;
  request.host = host;
  request.path = path;
  request.query = query;
  append_locations(shared_keys_, request, rules, told.locations);
}

std::size_t Worker::invalidate_uri(std::string_view host, std::string_view path,
                                   std::string_view query, const RequestRules& rules) {
  const std::size_t dropped =
      cache_.purge_uri(slot_, keys_, rules, {host, path, query}, PurgeMode::hard, Instant{})
          .entries;
  cache_.garbage_.reclaim();
  counters_.deletes.add(dropped);
  return dropped;
}

template <class Visit>
void Worker::for_each_outdated(const Request& request, const Response& response,
                               const RequestRules& rules, Visit&& visit) {
  visit.uri(request.path, request.query);
  for (const http::HeaderId id : {http::HeaderId::location, http::HeaderId::content_location}) {
    const http::Field* field = response.fields->find(id);
    if (field == nullptr) continue;
    const LocalUri uri = local_uri(field->value, request.host, request.path);
    if (!uri.path.empty()) visit.uri(uri.path, uri.query);
  }
  // RFC 9875 section 3.
  for (const std::string& group : http::parse_string_list(
           *response.fields, http::HeaderId::cache_group_invalidation, groups_max)) {
    visit.tag(TagKind::group, group_name(request.host, group));
  }
  std::vector<std::string_view> patterns;
  rules.invalidated_by(request.path, patterns);
  for (const std::string_view pattern : patterns) visit.tag(TagKind::path, pattern);
}

Outdated Worker::outdated_by(const Request& request, const Response& response,
                             const RequestRules& rules) {
  struct Tell {
    Worker& worker;
    std::string_view host;
    const RequestRules& rules;
    Outdated told;
    void uri(std::string_view path, std::string_view query) {
      worker.tell_url(told, host, path, query, rules);
    }
    void tag(TagKind kind, std::string_view name) {
      told.identities.push_back(tag_identity(kind, name));
    }
  };
  Tell tell{*this, request.host, rules, {}};
  if (makes_outdated(response)) for_each_outdated(request, response, rules, tell);
  return std::move(tell.told);
}

std::size_t Worker::invalidate_after(const Request& request, const Response& response,
                                     const RequestRules& rules) {
  struct Drop {
    Worker& worker;
    std::string_view host;
    const RequestRules& rules;
    std::size_t dropped = 0;
    void uri(std::string_view path, std::string_view query) {
      dropped += worker.invalidate_uri(host, path, query, rules);
    }
    void tag(TagKind kind, std::string_view name) {
      dropped += worker.cache_.purge_identity(tag_identity(kind, name));
    }
  };
  Drop drop{*this, request.host, rules};
  if (makes_outdated(response)) for_each_outdated(request, response, rules, drop);
  return drop.dropped;
}

std::size_t Worker::invalidate_group(std::string_view host, std::string_view group) {
  return cache_.purge_identity(tag_identity(TagKind::group, group_name(host, group)));
}

}  // namespace homeostat::cache
