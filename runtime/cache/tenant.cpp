#include "runtime/cache/tenant.hpp"

#include <algorithm>

#include "runtime/cache/key.hpp"

namespace homeostat::cache {
namespace {

constexpr std::string_view hashed = "sha256:";
constexpr std::size_t digest_size = 64;

bool visible(char c) noexcept { return c >= ' ' && c < '\x7f'; }

bool is_hashed_name(std::string_view name) noexcept {
  const auto hex_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == hashed.size() + digest_size && name.starts_with(hashed) &&
         std::all_of(name.begin() + hashed.size(), name.end(), hex_digit);
}

}  // namespace

std::string hidden_tenant_name(std::string_view secret) {
  return std::string(hashed) + sha256_hex(secret);
}

std::string tenant_name(std::string_view said) {
  const bool plain = said.size() <= tenant_name_max && !said.starts_with(hashed) &&
                     std::all_of(said.begin(), said.end(), visible);
  return plain ? std::string(said) : hidden_tenant_name(said);
}

std::string tenant_identity(std::string_view name) {
  return tag_identity(TagKind::tenant,
                      is_hashed_name(name) ? std::string(name) : tenant_name(name));
}

}  // namespace homeostat::cache
