// Method and path to handler. Patterns are literal segments and {parameters}:
// "/api/v1/rules/{name}".
//
// Thread safety: build first, then match() from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/admin/auth.hpp"
#include "runtime/admin/http_message.hpp"
#include "runtime/admin/reply.hpp"

namespace homeostat::admin {

using PathParameters = std::vector<std::pair<std::string, std::string>>;

/// Everything a handler may look at.
struct Call {
  const AdminRequest& request;
  const PathParameters& path;
  const std::string& who;
  const std::string& correlation_id;

  /// A path parameter of the pattern. REQUIRES: the pattern has it.
  [[nodiscard]] const std::string& parameter(std::string_view name) const;
};

using Handler = std::function<Reply(const Call&)>;

inline constexpr std::size_t body_bytes_standard = std::size_t{64} * 1024;
/// No route takes more.
inline constexpr std::size_t body_bytes_largest = std::size_t{4} * 1024 * 1024;

struct Route {
  std::string method;
  std::string pattern;
  Access access = Access::viewer;
  Handler handler;
  std::size_t body_bytes_max = body_bytes_standard;
};

struct RouteMatch {
  const Route* route = nullptr;  ///< null: see `allow`
  PathParameters path;
  std::string allow;  ///< methods of this path ("GET, HEAD"); empty: 404
};

class Router {
 public:
  void add(Route route);
  [[nodiscard]] RouteMatch match(const std::string& method,
                                 const std::vector<std::string>& segments) const;
  [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> segments_;  ///< of each route's pattern
};

}  // namespace homeostat::admin
