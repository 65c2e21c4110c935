#include "runtime/telemetry/route_tree.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace homeostat::telemetry {
namespace {

constexpr std::string_view value_name = "{value}";

/// A child with this many endpoints may be a branch of the application ("/api")
/// rather than one of many values of a position ("/users/alice").
constexpr std::size_t branch_endpoints_min = 4;
/// ... unless this many siblings have a child of the same name below them.
constexpr std::size_t alike_siblings_max = 3;

struct Relative {
  std::vector<std::string> segments;
  Method method;
  EndpointId id;
};

void gather(const RouteNode& node, std::vector<std::string>& path, std::vector<Relative>& out) {
  for (std::size_t i = 0; i < method_count; ++i) {
    if (node.ids[i] != 0) out.push_back({path, static_cast<Method>(i), node.ids[i]});
  }
  for (const auto& [name, child] : node.children) {
    path.push_back(name);
    gather(*child, path, out);
    path.pop_back();
  }
  if (node.value) {
    path.emplace_back(value_name);
    gather(*node.value, path, out);
    path.pop_back();
  }
}

std::size_t count_endpoints(const RouteNode& node) {
  std::vector<std::string> path;
  std::vector<Relative> all;
  gather(node, path, all);
  return all.size();
}

bool share_a_child(const RouteNode& a, const RouteNode& b) {
  return std::any_of(a.children.begin(), a.children.end(),
                     [&b](const auto& entry) { return b.children.contains(entry.first); });
}

/// Whether a child stays literal when its parent collapses.
bool is_branch(const RouteNode& parent, const std::string& name, const RouteNode& child) {
  if (name.front() == '{') return true;  // "{id}" is a template already
  if (count_endpoints(child) < branch_endpoints_min) return false;
  std::size_t alike = 0;
  for (const auto& [sibling_name, sibling] : parent.children) {
    if (sibling_name != name && share_a_child(child, *sibling)) ++alike;
  }
  return alike < alike_siblings_max;
}

RoutePath to_path(const std::vector<std::string>& segments) {
  RoutePath path;
  for (const std::string& segment : segments) {
    if (path.size == route_segments_max) break;
    path.segments[path.size++] = segment;
  }
  return path;
}

}  // namespace

EndpointId find_route(const RouteNode& root, Method method, const RoutePath& path) noexcept {
  const RouteNode* node = &root;
  for (std::size_t i = 0; i < path.size; ++i) {
    const auto child = node->children.find(path.segments[i]);
    node = child != node->children.end() ? child->second.get() : node->value.get();
    if (node == nullptr) return 0;
  }
  return node->ids[static_cast<std::size_t>(method)];
}

std::shared_ptr<const RouteNode> RouteInsertion::insert(const RouteNode& root, Method method,
                                                        const RoutePath& path) {
  id_ = 0;
  return insert_at(&root, method, path, 0, std::string{});
}

std::shared_ptr<const RouteNode> RouteInsertion::insert_at(const RouteNode* node, Method method,
                                                           const RoutePath& path,
                                                           std::size_t position,
                                                           const std::string& prefix) {
  auto copy = node != nullptr ? std::make_shared<RouteNode>(*node) : std::make_shared<RouteNode>();
  if (position == path.size) {
    EndpointId& id = copy->ids[static_cast<std::size_t>(method)];
    if (id == 0) id = owner_.give_id(method, prefix.empty() ? "/" : prefix);
    id_ = id;
    return copy;
  }
  const std::string_view segment = path.segments[position];
  const auto known = copy->children.find(segment);
  if (known == copy->children.end() && !copy->value && copy->children.size() >= values_max_) {
    collapse(*copy, prefix);
  }
  if (known == copy->children.end() && copy->value) {
    const std::string below = prefix + "/" + std::string(value_name);
    copy->value = insert_at(copy->value.get(), method, path, position + 1, below);
    return copy;
  }
  RoutePath one;
  one.segments[one.size++] = segment;
  auto& child = copy->children[std::string(segment)];
  child = insert_at(child.get(), method, path, position + 1, prefix + to_route(one));
  return copy;
}

void RouteInsertion::collapse(RouteNode& node, const std::string& prefix) {
  const RouteNode before = node;
  const std::string below = prefix + "/" + std::string(value_name);
  auto merged = std::make_shared<const RouteNode>();
  for (const auto& [name, child] : before.children) {
    if (is_branch(before, name, *child)) continue;
    std::vector<std::string> path;
    std::vector<Relative> endpoints;
    gather(*child, path, endpoints);
    for (const Relative& endpoint : endpoints) {
      merged = insert_at(merged.get(), endpoint.method, to_path(endpoint.segments), 0, below);
      owner_.retire(endpoint.id, id_);
    }
    node.children.erase(name);
  }
  node.value = std::move(merged);
}

}  // namespace homeostat::telemetry
