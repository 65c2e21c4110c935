#include "runtime/cache/key.hpp"

#include <openssl/sha.h>

#include <array>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace homeostat::cache {
namespace {

constexpr std::string_view hashed_mark = "sha256:";

void append_sha256_hex(std::string& out, std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  static constexpr std::string_view digits = "0123456789abcdef";
  for (const unsigned char byte : digest) {
    out += digits[byte >> 4U];
    out += digits[byte & 0x0FU];
  }
}

/// Replaces a text that is too long by its hash; the stem stays readable.
bool shorten(std::string& text, std::size_t stem) {
  if (text.size() <= key_text_max) return false;
  std::string hex;
  append_sha256_hex(hex, text);
  text.resize(stem);
  text += hashed_mark;
  text += hex;
  return true;
}

/// The one spelling of equivalent texts (RFC 3986 section 6.2.2): the text itself, or `written`.
std::string_view equivalent(std::string_view text, std::string& written) {
  if (text.find('%') == std::string_view::npos) return text;
  written.clear();
  http::normalise_percent(written, text);
  return written;
}

}  // namespace

std::uint64_t hash_key(std::string_view text, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

std::string sha256_hex(std::string_view text) {
  std::string out;
  append_sha256_hex(out, text);
  return out;
}

void append_escaped(std::string& out, std::string_view text) {
  // Rarely is there anything to escape, and two searches for one byte are faster
  // than one for either.
  if (text.find(':') == std::string_view::npos && text.find('\\') == std::string_view::npos) {
    out.append(text);
    return;
  }
  while (!text.empty()) {
    const std::size_t plain = text.find_first_of(":\\");
    out.append(text.substr(0, plain));
    if (plain == std::string_view::npos) return;
    out += '\\';
    out += text[plain];
    text.remove_prefix(plain + 1);
  }
}

void write_variant_key(std::string_view primary, KeyShape shape, std::string_view vary,
                       std::string& out) {
  if (shape.vary_at == std::string_view::npos) {
    out.assign(primary);
    out += ':';
    append_escaped(out, vary);
  } else {
    out.assign(primary.substr(0, shape.vary_at));
    append_escaped(out, vary);
    out.append(primary.substr(shape.vary_at));
  }
  shorten(out, shape.stem);
}

http::QueryNormalizer query_normalizer(const config::CacheSettings& settings,
                                       const config::CacheRule* rule) {
  const bool own = rule != nullptr && (!rule->query_drop.empty() || !rule->query_keep.empty());
  std::vector<std::string> drop = own ? rule->query_drop : settings.query_drop;
  if (settings.query_drop_tracking) {
    const std::vector<std::string>& tracking = http::tracking_parameters();
    drop.insert(drop.end(), tracking.begin(), tracking.end());
  }
  return {drop, own ? rule->query_keep : settings.query_keep, settings.query_sort};
}

KeyBuilder::KeyBuilder(const config::CacheSettings& settings, std::uint64_t seed,
                       const std::atomic<unsigned>& version)
    : prefix_(settings.key_prefix),
      namespace_(settings.key_namespace),
      version_(version),
      query_(query_normalizer(settings)),
      seed_(seed) {
  write_base();
}

void KeyBuilder::write_base() {
  base_version_ = version_.load(std::memory_order_relaxed);
  base_.clear();
  append_escaped(base_, prefix_);
  base_ += ':';
  append_escaped(base_, namespace_);
  if (base_version_ != 0) base_ += "@" + std::to_string(base_version_);
}

void KeyBuilder::follow_version() {
  if (version_.load(std::memory_order_relaxed) != base_version_) write_base();
}

/// Writes normalised_.
void KeyBuilder::normalise(std::string_view query, const http::QueryNormalizer* normalizer) {
  normalised_.clear();
  (normalizer != nullptr ? *normalizer : query_)
      .append(normalised_, equivalent(query, equivalent_));
}

/// Everything up to the query.
void KeyBuilder::begin(const Request& request) {
  ++built_;
  follow_version();
  primary_.assign(base_);
  if (!request.tenant.empty()) {
    primary_ += '~';
    append_escaped(primary_, request.tenant);
  }
  primary_ += ':';
  // A token: nothing to escape.
  primary_.append(request.method == "HEAD" ? "GET" : request.method);
  primary_ += ':';
  shape_.stem = primary_.size();
  // A host has no `/` and a path starts with one: no escape needed between them.
  primary_.append(request.host);
  append_path(primary_, request.path);
  primary_ += ':';
}

void KeyBuilder::append_path(std::string& out, std::string_view path) {
  append_escaped(out, equivalent(path, equivalent_));
}

/// Everything after it.
KeyView KeyBuilder::finish(const Request& request, std::string_view authorization) {
  location_ = hash_key(std::string_view(primary_).substr(shape_.stem), seed_);
  primary_ += ':';
  shape_.vary_at = primary_.size();
  primary_ += ':';
  primary_.append(request.body_hash);
  if (!authorization.empty()) {
    primary_ += ":auth-";
    append_sha256_hex(primary_, authorization);
  }
  if (!request.forwarded_resource.empty()) {
    primary_ += ":for-";
    append_escaped(primary_, request.forwarded_resource);
  }
  if (shorten(primary_, shape_.stem)) shape_.vary_at = std::string_view::npos;
  hash_ = hash_key(primary_, seed_);
  return {primary_, hash_};
}

KeyView KeyBuilder::primary(const Request& request, std::string_view authorization,
                            const http::QueryNormalizer* query) {
  begin(request);
  normalise(request.query, query);
  append_escaped(primary_, normalised_);
  return finish(request, authorization);
}

std::optional<KeyView> KeyBuilder::searched(const Request& request, const SearchRule& rule,
                                            std::string_view authorization,
                                            const http::QueryNormalizer* query) {
  // In an escaped text a backslash comes before `:` or another one only, so that
  // no query can pose as a canonical one.
  std::string canonical = "\\n" + std::to_string(rule.id) + ',';
  normalise(request.query, query);
  if (!rule.variance.append_canonical(canonical, normalised_)) return std::nullopt;
  begin(request);
  primary_ += canonical;  // has no character that needs an escape
  return finish(request, authorization);
}

KeyView KeyBuilder::search_path(const Request& request) {
  follow_version();
  search_.assign(base_);
  search_ += ":\\n:";  // no method
  const std::size_t stem = search_.size();
  search_.append(request.host);
  append_path(search_, request.path);
  search_location_ = hash_key(std::string_view(search_).substr(stem), seed_);
  shorten(search_, stem);
  return {search_, hash_key(search_, seed_)};
}

std::string KeyBuilder::target(const Request& request, const http::QueryNormalizer* query) {
  std::string target(equivalent(request.path, equivalent_));
  normalise(request.query, query);
  if (!normalised_.empty()) target.append("?").append(normalised_);
  return target;
}

KeyView KeyBuilder::variant(std::string_view vary) {
  write_variant_key(primary_, shape_, vary, variant_);
  return {variant_, hash_key(variant_, seed_)};
}

}  // namespace homeostat::cache
