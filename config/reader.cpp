#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/schema.hpp"
#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

constexpr std::size_t keys_listed_max = 16;

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

/// Substitution failed somewhere in it, and was reported.
bool broken(const Node& node) {
  return node.broken || std::any_of(node.children.begin(), node.children.end(), broken);
}

/// What to say beside an unknown key: a near name, a key of that name elsewhere,
/// or the names that are allowed.
std::string hint_for(const std::string& name, const std::vector<std::string_view>& known,
                     bool inside_row) {
  if (auto hint = did_you_mean(name, known); !hint.empty()) return hint;
  if (!inside_row) {
    if (const auto elsewhere = key_named(name); !elsewhere.empty()) {
      return fmt::format("did you mean `{}`?", elsewhere);
    }
  }
  if (known.empty() || known.size() > keys_listed_max) return {};
  return "known here: " + join_or(known);
}

}  // namespace

Reader::Reader(const Node& map, const std::string& path, Reading& reading) : reading_(reading) {
  levels_.push_back({&map, path, {}});
}

const Node* Reader::take(const Key& key, std::string& path) {
  auto& level = levels_.back();
  level.known.emplace_back(key.name);
  path = joined(level.path, key.name);
  const Node* child = level.map == nullptr ? nullptr : level.map->find(key.name);
  if (child == nullptr) return nullptr;
  reading_.places[path] = child->place;
  if (!key.refused.empty()) {
    reading_.report.error(child->key_place, fmt::format("`{}` {}", path, key.refused));
  }
  return child;
}

void Reader::leaf(const Key& key, Leaf&& leaf) {
  std::string path;
  const Node* child = take(key, path);
  if (child == nullptr) return;
  if (child->is_null()) {
    reading_.report.error(child->key_place,
                          fmt::format("`{}` has no value; it expects {}", path, leaf.type()));
    reading_.failed.insert(path);
    return;
  }
  const std::size_t errors = reading_.report.size();
  leaf.read(*child, path, reading_);
  if (reading_.report.size() != errors || broken(*child)) reading_.failed.insert(path);
}

void Reader::begin(const Key& key) {
  std::string path;
  const Node* child = take(key, path);
  if (child != nullptr && !child->is_map()) {
    // A section whose keys are all commented out is fine.
    if (!child->is_null()) {
      reading_.report.error(child->place, fmt::format("`{}` must be a map of keys; {} was given",
                                                      path, describe(child->kind)));
      reading_.failed.insert(path);
    }
    child = nullptr;
  }
  levels_.push_back({child, std::move(path), {}});
}

void Reader::end() {
  report_unknown(levels_.back());
  levels_.pop_back();
}

void Reader::finish() { report_unknown(levels_.back()); }

void Reader::report_unknown(const Level& level) {
  if (level.map == nullptr) return;
  const std::vector<std::string_view> known(level.known.begin(), level.known.end());
  const bool inside_row = !reading_.main || level.path.find('[') != std::string::npos;
  for (const auto& child : level.map->children) {
    bool found = false;
    for (const auto name : known) found = found || name == child.key;
    if (found) continue;
    Node name;
    name.text = child.key;
    const auto where = level.path.empty() ? std::string{} : fmt::format(" in `{}`", level.path);
    reading_.report.error(child.key_place, fmt::format("unknown key {}{}", shown(name), where),
                          hint_for(child.key, known, inside_row));
    // Any key of the section may have been meant.
    if (!level.path.empty()) reading_.failed.insert(level.path);
  }
}

bool read_map(const Node& node, const std::string& path, Reading& reading,
              const std::function<void(Visitor&)>& describe_keys) {
  if (!node.is_map()) {
    reading.report.error(node.place, fmt::format("`{}` must be a map of keys; {} was given", path,
                                                 describe(node.kind)));
    return false;
  }
  Reader reader(node, path, reading);
  describe_keys(reader);
  reader.finish();
  return true;
}

}  // namespace homeostat::config
