#include "runtime/tier/invalidation.hpp"

#include "runtime/cache/tags.hpp"
#include "runtime/cache/tenant.hpp"

namespace homeostat::tier {
namespace {

constexpr std::string_view encoded_percent = "%25", encoded_end = "%0A", encoded_return = "%0D";

void append_line(std::string& out, char kind, std::string_view value) {
  out += kind;
  for (const char c : value) {
    switch (c) {
      case '%': out += encoded_percent; break;
      case '\n': out += encoded_end; break;
      case '\r': out += encoded_return; break;
      default: out += c;
    }
  }
  out += '\n';
}

std::string decode_line(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const std::size_t plain = std::min(line.find('%'), line.size());
    out += line.substr(0, plain);
    line.remove_prefix(plain);
    if (line.empty()) break;
    const std::string_view code = line.substr(0, 3);
    out += code == encoded_end ? '\n' : code == encoded_return ? '\r' : '%';
    line.remove_prefix(code.size());
  }
  return out;
}

bool is_url(std::string_view key) noexcept {
  return key.starts_with("http://") || key.starts_with("https://");
}

}  // namespace

Invalidation invalidation_of(const PurgeRequest& request) {
  Invalidation invalidation;
  for (const std::string& tag : request.tags) {
    invalidation.identities.push_back(cache::tag_identity(cache::TagKind::tag, tag));
  }
  for (const std::string& tenant : request.tenants) {
    invalidation.identities.push_back(cache::tenant_identity(tenant));
  }
  invalidation.patterns = request.patterns;
  invalidation.keys = request.keys;
  invalidation.soft = request.soft;
  invalidation.tier_only = request.reach == PurgeReach::shared;
  return invalidation;
}

std::string to_text(const Invalidation& invalidation) {
  std::string text;
  append_line(text, 'A', invalidation.agent);
  if (invalidation.soft) append_line(text, 'S', {});
  if (invalidation.tier_only) append_line(text, 'T', {});
  for (const std::string& identity : invalidation.identities) append_line(text, 'I', identity);
  for (const std::string& pattern : invalidation.patterns) append_line(text, 'P', pattern);
  for (const std::string& key : invalidation.keys) append_line(text, 'K', key);
  for (const std::string& url : invalidation.urls) append_line(text, 'U', url);
  for (const std::string& key : invalidation.data) append_line(text, 'D', key);
  return text;
}

Invalidation parse_invalidation(std::string_view text) {
  Invalidation invalidation;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    std::string value = decode_line(line.substr(1));
    switch (line.front()) {
      case 'A': invalidation.agent = std::move(value); break;
      case 'S': invalidation.soft = true; break;
      case 'T': invalidation.tier_only = true; break;
      case 'I': invalidation.identities.push_back(std::move(value)); break;
      case 'P': invalidation.patterns.push_back(std::move(value)); break;
      case 'K': invalidation.keys.push_back(std::move(value)); break;
      case 'U': invalidation.urls.push_back(std::move(value)); break;
      case 'D': invalidation.data.push_back(std::move(value)); break;
      default: break;
    }
  }
  return invalidation;
}

Names names_of(const Invalidation& invalidation, cache::Cache& cache) {
  Names names;
  for (const std::string& identity : invalidation.identities) names.add_tag(identity);
  for (const std::string& pattern : invalidation.patterns) names.add_pattern(pattern);
  const auto add_url = [&](const std::string& url) {
    for (const std::uint64_t location : cache.shared_locations(url)) names.add_location(location);
  };
  for (const std::string& key : invalidation.keys) {
    names.add_key(key);  // data may have any key, that of a URL too
    if (is_url(key)) add_url(key);
  }
  for (const std::string& url : invalidation.urls) add_url(url);
  for (const std::string& key : invalidation.data) names.add_key(key);
  return names;
}

namespace {

PurgeRequest purge_of(const Invalidation& invalidation, const std::vector<std::string>& more_keys) {
  PurgeRequest request;
  request.patterns = invalidation.patterns;
  request.keys = invalidation.keys;
  request.keys.insert(request.keys.end(), more_keys.begin(), more_keys.end());
  request.soft = invalidation.soft;
  for (const std::string& identity : invalidation.identities) {
    using cache::TagKind;
    if (is_of_kind(identity, TagKind::tag)) request.tags.push_back(identity.substr(1));
    if (is_of_kind(identity, TagKind::tenant)) request.tenants.push_back(identity.substr(1));
  }
  return request;
}

}  // namespace

PurgeRequest data_purge_of(const Invalidation& invalidation) {
  return purge_of(invalidation, invalidation.data);
}

PurgeResult apply(const Invalidation& invalidation, cache::Cache& cache) {
  std::uint64_t others = 0;
  for (const std::string& identity : invalidation.identities) {
    using cache::TagKind;
    const bool requested =
        is_of_kind(identity, TagKind::tag) || is_of_kind(identity, TagKind::tenant);
    if (!identity.empty() && !requested) others += cache.purge_identity(identity);
  }
  PurgeResult result = cache.purge(purge_of(invalidation, invalidation.urls));
  result.by_tags += others;
  return result;
}

}  // namespace homeostat::tier
