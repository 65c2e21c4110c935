// Who may do what on the management listener.
//
// Tokens: `Authorization: Bearer <secret>`. The SHA-256 digest of what was
// sent is compared with the digest of every configured secret, all of them, in
// constant time (CRYPTO_memcmp), so that neither length nor position leaks.
//
// Without tokens (only possible on a loopback listener) management is open to
// loopback peers. A browser is such a peer and may run a stranger's page, so
// the Host must be a loopback name then (against DNS rebinding), and in every
// mode a change that a browser says comes from another site is refused
// (Fetch Metadata: Sec-Fetch-Site; RFC 6454: Origin).
//
// Thread safety: immutable after construction. Secrets are kept as digests.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings/admin.hpp"
#include "runtime/admin/http_message.hpp"

namespace homeostat::admin {

/// What a route asks of its caller.
enum class Access : std::uint8_t {
  open,       ///< anybody who reaches the listener
  probe,      ///< open if admin.open_probes, else viewer
  viewer,     ///< reads
  operator_,  ///< changes
};

struct AuthDecision {
  unsigned status = 200;  ///< 200, 401 or 403
  std::string detail;     ///< why not, for the problem; never the secret
  std::string who;        ///< token name, "loopback" without tokens, "anonymous"
};

class Authenticator {
 public:
  explicit Authenticator(const config::AdminSettings& settings);

  [[nodiscard]] AuthDecision check(Access access, const AdminRequest& request) const;
  /// No tokens are configured.
  [[nodiscard]] bool open_mode() const noexcept { return tokens_.empty(); }

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Token {
    std::string name;
    config::AdminToken::Role role;
    Digest digest;
  };

  [[nodiscard]] static Digest digest_of(std::string_view secret);
  [[nodiscard]] const Token* find(std::string_view secret) const;
  [[nodiscard]] AuthDecision check_open_mode(const AdminRequest& request) const;
  [[nodiscard]] AuthDecision check_token(Access access, const AdminRequest& request) const;

  std::vector<Token> tokens_;
  bool open_probes_;
};

/// First error in the tokens: empty name or secret, the same secret or name twice.
[[nodiscard]] std::optional<std::string> validate_tokens(const config::AdminSettings& settings);

/// Whether a Host field names this machine only: localhost, 127.0.0.0/8, [::1].
[[nodiscard]] bool loopback_host(std::string_view host);

}  // namespace homeostat::admin
