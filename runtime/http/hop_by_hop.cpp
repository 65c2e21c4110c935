#include "runtime/http/hop_by_hop.hpp"

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

constexpr HeaderSet fixed_set(HeaderId::connection, HeaderId::keep_alive,
                              HeaderId::proxy_connection, HeaderId::proxy_authenticate,
                              HeaderId::proxy_authorization, HeaderId::proxy_authentication_info,
                              HeaderId::te, HeaderId::transfer_encoding, HeaderId::upgrade,
                              HeaderId::http2_settings);

/// Fields that Connection cannot remove: losing them would change what the
/// message means, who it is from, or who may reuse it.
constexpr HeaderSet kept_set(
    HeaderId::host, HeaderId::content_length, HeaderId::content_type, HeaderId::content_encoding,
    HeaderId::expect, HeaderId::content_range, HeaderId::cache_control, HeaderId::cdn_cache_control,
    HeaderId::vary, HeaderId::etag, HeaderId::date, HeaderId::age, HeaderId::expires,
    HeaderId::last_modified, HeaderId::authorization, HeaderId::cookie, HeaderId::set_cookie,
    HeaderId::location, HeaderId::www_authenticate, HeaderId::range, HeaderId::if_match,
    HeaderId::if_none_match, HeaderId::if_modified_since, HeaderId::if_unmodified_since,
    HeaderId::if_range, HeaderId::x_forwarded_for, HeaderId::x_forwarded_host,
    HeaderId::x_forwarded_proto, HeaderId::forwarded, HeaderId::via, HeaderId::x_real_ip,
    HeaderId::max_forwards, HeaderId::content_security_policy, HeaderId::strict_transport_security,
    // A trusted proxy's word on what was asked for: the cache's key has it, so the
    // application must see it.
    HeaderId::x_forwarded_port, HeaderId::x_forwarded_prefix, HeaderId::x_forwarded_scheme,
    HeaderId::x_forwarded_server, HeaderId::x_forwarded_ssl, HeaderId::front_end_https,
    HeaderId::x_original_host, HeaderId::x_host, HeaderId::x_http_host_override);

}  // namespace

bool is_hop_by_hop(HeaderId id) noexcept { return fixed_set.contains(id); }

HopByHopFilter::HopByHopFilter(const HeaderTable& headers) noexcept
    : headers_(&headers), removed_(fixed_set) {
  headers.for_each_token(HeaderId::connection, [this](std::string_view token) {
    const HeaderId id = header_id(token);
    if (id == HeaderId::other) {
      names_others_ = names_others_ || !iequals(token, "close");
    } else if (!kept_set.contains(id)) {
      removed_.insert(id);
    }
  });
}

bool HopByHopFilter::forwarded(const Field& field) const noexcept {
  if (field.id != HeaderId::other) return !removed_.contains(field.id);
  return !names_others_ || !headers_->contains_token(HeaderId::connection, field.name);
}

}  // namespace homeostat::http
