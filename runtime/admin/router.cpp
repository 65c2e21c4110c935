#include "runtime/admin/router.hpp"

#include <cassert>
#include <optional>

namespace homeostat::admin {

namespace {

std::vector<std::string> split(std::string_view pattern) {
  std::vector<std::string> out;
  while (!pattern.empty()) {
    const auto slash = pattern.find('/');
    if (slash != 0) out.emplace_back(pattern.substr(0, slash));
    if (slash == std::string_view::npos) break;
    pattern.remove_prefix(slash + 1);
  }
  return out;
}

bool is_parameter(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::optional<PathParameters> match_segments(const std::vector<std::string>& pattern,
                                             const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  PathParameters parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i])) {
      parameters.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

}  // namespace

const std::string& Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : path) {
    if (key == name) return value;
  }
  assert(false && "the route's pattern has no such parameter");
  static const std::string none;
  return none;
}

void Router::add(Route route) {
  segments_.push_back(split(route.pattern));
  routes_.push_back(std::move(route));
}

RouteMatch Router::match(const std::string& method,
                         const std::vector<std::string>& segments) const {
  RouteMatch result;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    auto parameters = match_segments(segments_[i], segments);
    if (!parameters) continue;
    if (routes_[i].method == method) {
      result.route = &routes_[i];
      result.path = std::move(*parameters);
      return result;
    }
    if (!result.allow.empty()) result.allow += ", ";
    result.allow += routes_[i].method == "GET" ? "GET, HEAD" : routes_[i].method;
  }
  return result;
}

}  // namespace homeostat::admin
