// The operator's route templates, compiled once.
//
// A template is a path whose segments are literal, `{name}` (any one segment)
// or, at the end, `*` (one or more segments). At each position a literal beats `{name}`,
// which beats `*`.
//
// Thread safety: immutable after construction. Errors: a template without a
// leading '/', with an inner `*` or with more than route_segments_max segments
// throws std::invalid_argument.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/telemetry/path_template.hpp"

namespace homeostat::telemetry {

class ExplicitRoutes {
 public:
  explicit ExplicitRoutes(const std::vector<std::string>& templates);
  /// Index of the matching template.
  [[nodiscard]] std::optional<std::size_t> find(const RoutePath& path) const noexcept;
  [[nodiscard]] const std::string& route(std::size_t index) const { return routes_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::optional<std::size_t> route, rest;
  };
  void add(const std::string& text, std::size_t index);
  [[nodiscard]] static std::optional<std::size_t> match(const Node& node, const RoutePath& path,
                                                        std::size_t position) noexcept;

  std::vector<std::string> routes_;
  Node root_;
};

}  // namespace homeostat::telemetry
