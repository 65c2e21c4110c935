#include "runtime/cache/own_tag.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "runtime/cache/worker.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/etag.hpp"

namespace homeostat::cache {
namespace {

using http::HeaderId;

}  // namespace

OwnTags::OwnTags(std::string_view key_prefix, std::string_view key_namespace)
    : realm_(hash_key(key_namespace, hash_key(key_prefix, 0))) {}

std::uint32_t OwnTags::check(std::string_view digest) const noexcept {
  return static_cast<std::uint32_t>(hash_key(digest, realm_));
}

std::string OwnTags::make(std::string_view digest) const {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string tag = "\"";
  tag += digest;
  const std::uint32_t sum = check(digest);
  for (int shift = 28; shift >= 0; shift -= 4) tag += digits[(sum >> shift) & 0x0FU];
  tag += '"';
  return tag;
}

bool OwnTags::made(std::string_view opaque) const noexcept {
  if (opaque.size() != digest_size + check_size + 2) return false;
  const std::string_view digest = opaque.substr(1, digest_size);
  const std::string_view sum = opaque.substr(1 + digest_size, check_size);
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(sum.data(), sum.data() + sum.size(), value, 16);
  return parsed.ptr == sum.data() + sum.size() && value == check(digest);
}

TagOwners OwnTags::owners(const Fields& request) const noexcept {
  bool own = false, other = false;
  static_cast<void>(request.any_field(HeaderId::if_match, [&](const http::Field& field) {
    return http::any_list_element(field.value, [&](std::string_view element) {
      const auto tag = http::parse_entity_tag(element);
      (tag && made(tag->opaque) ? own : other) = true;
      return own && other;
    });
  }));
  if (!own) return TagOwners::others;
  return other ? TagOwners::mixed : TagOwners::own;
}

bool Worker::claim_own_tag(const Request& request, const RequestRules& rules, Instant now) {
  const CompiledRule* rule = rules.match("GET", request.path);
  const http::QueryNormalizer* query = rule != nullptr ? rule->key_query() : nullptr;
  const std::string_view authorization = rule != nullptr && rule->settings.authenticated
                                             ? request.fields->get(HeaderId::authorization)
                                             : std::string_view{};
  Request get = request;
  get.method = "GET";
  get.body_hash = {};
  if (rule != nullptr && rule->settings.all_tenants) get.tenant = {};
  const auto fits = [&](const Entry& entry) {
    if (!entry.object || !entry.alive() || !entry.object->head().own_etag) return false;
    return entry.object->freshness().fresh(now) &&
           http::if_match_matches_weakly(*request.fields, entry.object->head().etag());
  };
  const auto claim = [&](KeyView primary) {
    Shard& shard = cache_.shard_of(keys_.location());
    const std::lock_guard lock(shard.mutex());
    Entry* entry = shard.find(primary);
    if (entry == nullptr) return false;
    const bool found = entry->spec ? std::any_of(entry->variants.begin(), entry->variants.end(),
                                                 [&](const Entry* one) { return fits(*one); })
                                   : fits(*entry);
    if (found) cache_.drop(shard, *entry);
    return found;
  };
  bool claimed = false;
  if (const SearchListPtr search = search_rules(get)) {
    for (const SearchRulePtr& known : search->rules) {
      const auto canonical = keys_.searched(get, *known, authorization, query);
      claimed = claimed || (canonical && claim(*canonical));
    }
  }
  claimed = claimed || claim(keys_.primary(get, authorization, query));
  // What is under way may be what the tag stood for: it must not come back.
  if (claimed) invalidate_uri(request.host, request.path, request.query, rules);
  return claimed;
}

}  // namespace homeostat::cache
