#include "runtime/compress/content_policy.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/ports/request_match.hpp"

namespace homeostat::compress {
namespace {

constexpr char lower(char c) noexcept {
  return (c >= 'A' && c <= 'Z') ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view type) noexcept {
  return std::any_of(patterns.begin(), patterns.end(), [type](const std::string& pattern) {
    return media_type_matches(pattern, type);
  });
}

}  // namespace

bool switched_on(const config::CompressionSettings& settings,
                 const EndpointPolicy& endpoint) noexcept {
  using Mode = config::CompressionSettings::Mode;
  if (settings.mode == Mode::off) return false;  // the operator's off is final
  return endpoint.compress.value_or(settings.mode == Mode::on);
}

CompressReason may_compress(const config::CompressionSettings& settings,
                            const ResponseFacts& facts) noexcept {
  if (facts.status == 206 || facts.has_content_range) return CompressReason::range;
  if (facts.status < 200 || facts.status == 204 || facts.status == 304) {
    return CompressReason::status;
  }
  if (facts.has_content_encoding) return CompressReason::already_encoded;
  if (facts.no_transform) return CompressReason::no_transform;
  if (facts.carries_secret) return CompressReason::secret;
  if (any_matches(settings.exclude_types, facts.content_type) ||
      !any_matches(settings.types, facts.content_type)) {
    return CompressReason::type;
  }
  if (facts.length && *facts.length < settings.min_size) return CompressReason::too_small;
  return CompressReason::compress;
}

int fixed_effort(const config::CompressionSettings& settings, const EndpointPolicy& endpoint,
                 std::string_view content_type) noexcept {
  if (endpoint.compress && endpoint.compress_level != 0) return endpoint.compress_level;
  for (const auto& [pattern, level] : settings.levels) {
    if (media_type_matches(pattern, content_type)) return level;
  }
  return settings.level;
}

bool media_type_matches(std::string_view pattern, std::string_view content_type) noexcept {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  return !type.empty() &&
         wildcard_match(pattern, type, [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace homeostat::compress
