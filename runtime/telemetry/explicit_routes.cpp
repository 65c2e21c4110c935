#include "runtime/telemetry/explicit_routes.hpp"

#include <stdexcept>

namespace homeostat::telemetry {

ExplicitRoutes::ExplicitRoutes(const std::vector<std::string>& templates) : routes_(templates) {
  for (std::size_t i = 0; i < routes_.size(); ++i) add(routes_[i], i);
}

void ExplicitRoutes::add(const std::string& text, std::size_t index) {
  if (text.empty() || text.front() != '/') {
    throw std::invalid_argument("route template must begin with '/': \"" + text + "\"");
  }
  const RoutePath path = split_path(text);
  if (path.truncated)
    throw std::invalid_argument("route template has too many segments: \"" + text + "\"");
  Node* node = &root_;
  for (std::size_t i = 0; i < path.size; ++i) {
    const std::string_view segment = path.segments[i];
    if (segment == "*") {
      if (i + 1 != path.size)
        throw std::invalid_argument("'*' must be the last segment: \"" + text + "\"");
      if (!node->rest) node->rest = index;
      return;
    }
    const bool parameter = segment.front() == '{' && segment.back() == '}';
    auto& next = parameter ? node->parameter : node->literals[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  if (!node->route) node->route = index;  // the first of two equal templates wins
}

std::optional<std::size_t> ExplicitRoutes::find(const RoutePath& path) const noexcept {
  return routes_.empty() ? std::nullopt : match(root_, path, 0);
}

// Backtracks, but each level tries two branches of a tree that has at most as
// many nodes as the operator wrote segments.
std::optional<std::size_t> ExplicitRoutes::match(const Node& node, const RoutePath& path,
                                                 std::size_t position) noexcept {
  if (position == path.size) {
    // A path longer than we look at can only be covered by a `*`.
    return path.truncated ? node.rest : node.route;
  }
  const auto literal = node.literals.find(path.segments[position]);
  if (literal != node.literals.end()) {
    if (const auto found = match(*literal->second, path, position + 1)) return found;
  }
  if (node.parameter) {
    if (const auto found = match(*node.parameter, path, position + 1)) return found;
  }
  return node.rest;
}

}  // namespace homeostat::telemetry
