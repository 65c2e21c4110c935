#include "config/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/schema.hpp"
#include "config/substitution.hpp"
#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

constexpr std::string_view prefix = "HOMEOSTAT_";
constexpr std::string_view token_variable = "HOMEOSTAT_ADMIN_TOKEN";

char to_upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

/// "HOMEOSTAT_CACHE_MEMORY" for any number of underscores.
std::string flattened(std::string name) { return replaced(std::move(name), "__", "_"); }

std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (auto dot = key.find('.'); dot != std::string::npos; dot = key.find('.', start)) {
    parts.push_back(key.substr(start, dot - start));
    start = dot + 1;
  }
  parts.push_back(key.substr(start));
  return parts;
}

bool looks_like_flow(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  const auto last = text.find_last_not_of(" \t\n");
  if (first == std::string_view::npos) return false;
  return (text[first] == '[' && text[last] == ']') || (text[first] == '{' && text[last] == '}');
}

/// The value of a variable or option as a node; nothing after an error.
std::optional<Node> node_from(const std::string& origin, const std::string& value, Report& report) {
  const auto source = std::make_shared<const Source>(Source{origin, value, false});
  const Place place{source, 0, 0, 0};
  if (value.size() > scalar_bytes_max) {
    report.error(place, fmt::format("longer than {} bytes", scalar_bytes_max));
    return std::nullopt;
  }
  if (looks_like_flow(value)) return parse_document(source, report);
  if (std::any_of(value.begin(), value.end(), is_reserved)) {
    report.error(place, "control characters are not allowed");
    return std::nullopt;
  }
  Node node;
  node.kind = Node::Kind::scalar;
  node.place = place;
  node.text = protect(value);
  return node;
}

/// Puts `value` at the dotted key, making the sections on the way.
void put(Node& root, const std::string& key, Node value) {
  Node* at = &root;
  const auto parts = parts_of(key);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (at->is_null()) at->kind = Node::Kind::map;
    if (!at->is_map()) return;  // a wrong type in the file; the reader reports it
    Node* child = at->find(parts[i]);
    if (child == nullptr) {
      Node made;
      made.place = value.place;
      made.key = parts[i];
      made.key_place = value.place;
      at->children.push_back(std::move(made));
      child = &at->children.back();
    }
    at = child;
  }
  value.key = parts.back();
  value.key_place = value.place;
  *at = std::move(value);
}

const KeyFacts* settable(std::string_view path) {
  for (const auto& key : catalogue()) {
    if (key.path == path && !key.row) return &key;
  }
  return nullptr;
}

/// What an unknown variable was meant to be; empty if it is none of ours.
std::string intended(const std::string& name, const std::vector<std::string>& known) {
  const auto rest = name.substr(prefix.size());
  if (rest.empty() || rest.front() == '_') return {};
  const bool reserved = rest.find("__") != std::string::npos;
  std::string capitals = name;
  std::transform(capitals.begin(), capitals.end(), capitals.begin(), to_upper);
  for (const auto& candidate : known) {
    if (flattened(candidate) == flattened(capitals)) return candidate;
    const bool top = candidate.find("__") == std::string::npos;
    if (!reserved && top && edit_distance(rest, candidate.substr(prefix.size())) <= 1) {
      return candidate;
    }
  }
  if (!reserved) return {};
  // A key below a list: the list can only be set as a whole.
  for (auto end = name.rfind("__"); end != std::string::npos && end > prefix.size();
       end = name.rfind("__", end - 1)) {
    const auto parent = name.substr(0, end);
    const bool section = std::any_of(known.begin(), known.end(), [&](const auto& candidate) {
      return candidate.compare(0, end + 2, parent + "__") == 0;
    });
    if (!section && std::find(known.begin(), known.end(), parent) != known.end()) return parent;
  }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const auto near = nearest(name, candidates);
  return near.empty() ? "?" : std::string(near);
}

}  // namespace

std::string variable_for(const std::string& key) {
  std::string name(prefix);
  for (const char c : key) {
    if (c == '.') {
      name += "__";
    } else {
      name += to_upper(c);
    }
  }
  return name;
}

void apply_environment(Node& root, const Environment& environment, Report& report,
                       Names& referenced) {
  // In the order of the catalogue a section comes before its keys, so that
  // HOMEOSTAT_LOG={...} and HOMEOSTAT_LOG__LEVEL=debug combine as one expects.
  for (const auto& key : catalogue()) {
    if (key.row) continue;
    const auto found = environment.find(variable_for(key.path));
    if (found == environment.end()) continue;
    auto node = node_from("environment " + found->first, found->second, report);
    if (!node) continue;
    substitute(*node, environment, report, referenced);
    put(root, key.path, std::move(*node));
  }
}

void apply_overrides(Node& root, const std::vector<Override>& overrides,
                     const Environment& environment, Report& report, Names& referenced) {
  for (const auto& entry : overrides) {
    const auto origin = "option " + entry.origin;
    auto node = node_from(origin, entry.value, report);
    if (!node) continue;
    if (settable(entry.key) == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& key : catalogue()) {
        if (!key.row) names.push_back(key.path);
      }
      Node name;
      name.text = entry.key;
      report.error(node->place, fmt::format("unknown key {}", shown(name)),
                   did_you_mean(entry.key, names));
      continue;
    }
    substitute(*node, environment, report, referenced);
    put(root, entry.key, std::move(*node));
  }
}

void report_unknown_variables(const Environment& environment, const Names& referenced,
                              Report& report) {
  std::vector<std::string> known;
  for (const auto& key : catalogue()) {
    if (!key.row) known.push_back(variable_for(key.path));
  }
  for (auto entry = environment.lower_bound(prefix); entry != environment.end(); ++entry) {
    const auto& name = entry->first;
    if (name.compare(0, prefix.size(), prefix) != 0) break;
    if (name == token_variable || referenced.count(name) > 0) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = intended(name, known);
    if (meant.empty()) continue;
    const auto source = std::make_shared<const Source>(Source{"environment " + name, {}, false});
    report.error(Place{source, 0, 0, 0}, "no key of the configuration has this name",
                 meant == "?" ? std::string{} : fmt::format("did you mean `{}`?", meant));
  }
}

}  // namespace homeostat::config
