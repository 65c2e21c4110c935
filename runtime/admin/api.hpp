// From a request to its answer: route, authorisation, handler, envelope.
//
// Thread safety: none; used on the admin thread only.
// Errors: every failure is an RFC 9457 problem; an exception in a handler
// becomes 500 and a log line, never the end of the listener.
#pragma once

#include <string>

#include "config/settings/admin.hpp"
#include "runtime/admin/admin_server.hpp"
#include "runtime/admin/admin_services.hpp"
#include "runtime/admin/audit.hpp"
#include "runtime/admin/auth.hpp"
#include "runtime/admin/http_message.hpp"
#include "runtime/admin/router.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

class Api {
 public:
  /// `post` runs something on the admin thread, later.
  Api(const config::AdminSettings& settings, AdminServices services, AdminCounters& counters,
      BackgroundJob::Post post);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  [[nodiscard]] AdminResponse handle(const AdminRequest& request);
  /// How long the body of a request may be, of which only the head has come: more than
  /// the standard only where the route asks for it and the sender may use it.
  [[nodiscard]] std::size_t body_bytes_max(const AdminRequest& head) const;
  /// Ends what runs beside the admin thread. Nothing is answered later any more.
  void stop_background() noexcept { background_.stop(); }
  /// For what never became a request: 400, 408, 413, 431, 503.
  [[nodiscard]] AdminResponse refuse(unsigned status, std::string detail);

 private:
  [[nodiscard]] Reply answer(const AdminRequest& request, const std::string& correlation_id);
  [[nodiscard]] Reply deny(const AuthDecision& decision, const AdminRequest& request);
  [[nodiscard]] AdminResponse render(Reply reply, const std::string& correlation_id);
  void log_denial(const AuthDecision& decision, const AdminRequest& request);

  AdminServices services_;
  AdminCounters& counters_;
  Authenticator authenticator_;
  AuditLog audit_;
  BackgroundJob background_;
  RouteContext context_;
  Router router_;
  Instant denial_logged_{};
  std::uint64_t denials_unlogged_ = 0;
};

/// The caller's X-Request-Id if it is 1 to 128 bytes of letters, digits and
/// "-_.:/+=@", else 32 random hexadecimal digits.
[[nodiscard]] std::string correlation_id_of(const std::string& request_id);

}  // namespace homeostat::admin
