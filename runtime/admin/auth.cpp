#include "runtime/admin/auth.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

namespace homeostat::admin {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// The host without port and brackets.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view{} : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

/// The secret of `Bearer <secret>`, empty if there is none.
std::string_view bearer(std::string_view field) {
  constexpr std::string_view scheme = "bearer ";
  if (field.size() <= scheme.size() || lower(field.substr(0, scheme.size())) != scheme) return {};
  field.remove_prefix(scheme.size());
  while (field.starts_with(' ')) field.remove_prefix(1);
  return field;
}

/// Whether a browser says that another site's page sent this.
bool cross_site(const AdminRequest& request) {
  const std::string site = lower(request.fetch_site);
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  if (request.origin.empty()) return false;
  const std::string origin = lower(request.origin);
  const std::string host = lower(request.host);
  return host.empty() || (origin != "http://" + host && origin != "https://" + host);
}

}  // namespace

bool loopback_host(std::string_view host) {
  std::string name = lower(host_name(host));
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(name, error);
  return !error && address.is_loopback();
}

std::optional<std::string> validate_tokens(const config::AdminSettings& settings) {
  for (std::size_t i = 0; i < settings.tokens.size(); ++i) {
    const config::AdminToken& token = settings.tokens[i];
    if (token.name.empty()) return "admin.tokens[" + std::to_string(i) + "]: name is empty";
    if (token.secret.empty()) return "admin.tokens: the secret of \"" + token.name + "\" is empty";
    for (std::size_t j = 0; j < i; ++j) {
      const config::AdminToken& other = settings.tokens[j];
      if (other.name == token.name) return "admin.tokens: \"" + token.name + "\" is there twice";
      if (other.secret == token.secret) {
        return "admin.tokens: \"" + other.name + "\" and \"" + token.name +
               "\" have the same secret";
      }
    }
  }
  return std::nullopt;
}

Authenticator::Authenticator(const config::AdminSettings& settings)
    : open_probes_(settings.open_probes) {
  for (const config::AdminToken& token : settings.tokens) {
    tokens_.push_back({token.name, token.role, digest_of(token.secret)});
  }
}

Authenticator::Digest Authenticator::digest_of(std::string_view secret) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return digest;
}

const Authenticator::Token* Authenticator::find(std::string_view secret) const {
  const Digest digest = digest_of(secret);
  const Token* found = nullptr;
  for (const Token& token : tokens_) {  // no early exit
    if (CRYPTO_memcmp(token.digest.data(), digest.data(), digest.size()) == 0) found = &token;
  }
  return found;
}

AuthDecision Authenticator::check(Access access, const AdminRequest& request) const {
  if (access == Access::open || (access == Access::probe && open_probes_)) {
    return {200, {}, "anonymous"};
  }
  AuthDecision decision = open_mode() ? check_open_mode(request) : check_token(access, request);
  if (decision.status == 200 && access == Access::operator_ && cross_site(request)) {
    return {403, "changes from another site's page are refused (Origin, Sec-Fetch-Site)",
            std::move(decision.who)};
  }
  return decision;
}

AuthDecision Authenticator::check_open_mode(const AdminRequest& request) const {
  if (!request.peer_loopback) {
    return {403, "no token is configured, so only this machine may manage the agent", "anonymous"};
  }
  if (!loopback_host(request.host)) {
    return {403, "no token is configured, so the Host must be localhost or a loopback address",
            "anonymous"};
  }
  return {200, {}, "loopback"};
}

AuthDecision Authenticator::check_token(Access access, const AdminRequest& request) const {
  const std::string_view secret = bearer(request.authorization);
  if (secret.empty()) {
    return {401, "send a token: Authorization: Bearer <secret>", "anonymous"};
  }
  const Token* const token = find(secret);
  if (token == nullptr) return {401, "the token is not known", "anonymous"};
  if (access == Access::operator_ && token->role != config::AdminToken::Role::operator_) {
    return {403, "this needs the role operator; the token has the role viewer", token->name};
  }
  return {200, {}, token->name};
}

}  // namespace homeostat::admin
