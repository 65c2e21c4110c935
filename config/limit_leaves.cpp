#include "config/limit_leaves.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace homeostat::config {
namespace {

constexpr std::int64_t requests_max = 1'000'000'000;

constexpr std::array<std::pair<std::string_view, seconds>, 5> periods{{{"s", seconds(1)},
                                                                       {"min", seconds(60)},
                                                                       {"m", seconds(60)},
                                                                       {"h", seconds(3600)},
                                                                       {"d", seconds(86400)}}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string RateLeaf::show() const {
  if (field_.requests == 0) return {};
  for (const auto& [name, period] : periods) {
    if (period == field_.period) return fmt::format("{:.10g}/{}", field_.requests, name);
  }
  return {};
}

std::optional<UnitError> RateLeaf::set(const Node& scalar) {
  const std::string_view text = scalar.text;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return UnitError{"has no period; write e.g. 100/s, 600/min, 5000/h or 20000/d"};
  }
  auto parsed = parse_integer(trimmed(text.substr(0, slash)));
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  const auto requests = std::get<std::int64_t>(parsed);
  if (requests < 1 || requests > requests_max) {
    return UnitError{fmt::format("out of range; allowed is {}", allowed())};
  }
  const std::string_view unit = trimmed(text.substr(slash + 1));
  for (const auto& [name, period] : periods) {
    if (name != unit) continue;
    field_ = {static_cast<double>(requests), period};
    return std::nullopt;
  }
  return UnitError{fmt::format("`{}` is not a period; allowed is s, min, h or d", unit)};
}

void BucketKeyLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  std::vector<const Node*> items;
  if (node.is_scalar()) items.push_back(&node);
  for (const Node& child : node.children) items.push_back(&child);
  if ((!node.is_scalar() && !node.is_list()) || items.empty()) {
    report_type(*this, node, path, reading);
    return;
  }
  BucketKey key{.given = true};
  for (const Node* item : items) {
    if (item->is_scalar() && item->text == "client") {
      key.client = true;
    } else if (item->is_scalar() && item->text == "tenant") {
      key.tenant = true;
    } else if (item->is_scalar() && item->text == "route") {
      key.route = true;
    } else if (!item->is_scalar() || item->text != "all" || items.size() > 1) {
      report_value(*item, path, "allowed is " + allowed(), reading);
      return;
    }
  }
  field_ = key;
}

std::string BucketKeyLeaf::show() const {
  if (!field_.given) return {};
  std::string text;
  const auto add = [&text](bool set, std::string_view name) {
    if (!set) return;
    if (!text.empty()) text += ", ";
    text += name;
  };
  add(field_.client, "client");
  add(field_.tenant, "tenant");
  add(field_.route, "route");
  return text.empty() ? "all" : "[" + text + "]";
}

}  // namespace homeostat::config
