// The tree of learned routes, persistent: an insertion copies the nodes on its
// path and shares the rest, so that readers keep using the tree they hold.
//
// Thread safety: nodes are immutable once published. Source: path copying
// (Driscoll, Sarnak, Sleator, Tarjan: Making data structures persistent, 1989).
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "rules/engine/frame.hpp"
#include "runtime/telemetry/http_method.hpp"
#include "runtime/telemetry/path_template.hpp"

namespace homeostat::telemetry {

using rules::EndpointId;

struct RouteNode {
  std::map<std::string, std::shared_ptr<const RouteNode>, std::less<>> children;
  std::shared_ptr<const RouteNode> value;      ///< `{value}`, once the position collapsed
  std::array<EndpointId, method_count> ids{};  ///< 0 = no endpoint ends here
};

/// What an insertion needs from the table.
struct RouteTreeOwner {
  std::function<EndpointId(Method, std::string)> give_id;  ///< 0 when there is none left
  std::function<void(EndpointId, EndpointId)> retire;      ///< (old, successor)
};

/// 0 when the route is not in the tree.
[[nodiscard]] EndpointId find_route(const RouteNode& root, Method method,
                                    const RoutePath& path) noexcept;

class RouteInsertion {
 public:
  RouteInsertion(const RouteTreeOwner& owner, std::size_t values_max)
      : owner_(owner), values_max_(values_max) {}

  /// The tree with the route in it; `id()` is its endpoint.
  [[nodiscard]] std::shared_ptr<const RouteNode> insert(const RouteNode& root, Method method,
                                                        const RoutePath& path);
  [[nodiscard]] EndpointId id() const noexcept { return id_; }

 private:
  [[nodiscard]] std::shared_ptr<const RouteNode> insert_at(const RouteNode* node, Method method,
                                                           const RoutePath& path,
                                                           std::size_t position,
                                                           const std::string& prefix);
  void collapse(RouteNode& node, const std::string& prefix);

  const RouteTreeOwner& owner_;
  const std::size_t values_max_;
  EndpointId id_ = 0;
};

}  // namespace homeostat::telemetry
