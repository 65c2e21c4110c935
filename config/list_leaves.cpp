#include "config/list_leaves.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/settings/words.hpp"
#include "config/suggest.hpp"

namespace homeostat::config {
namespace {

constexpr std::size_t addresses_max = 64;
constexpr std::size_t names_max = 200;
constexpr std::size_t name_bytes_max = 128;

std::string item_path(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

/// The items of a list, or the node itself where one may stand for a list.
std::vector<const Node*> items_of(const Node& node) {
  std::vector<const Node*> items;
  if (node.is_list()) {
    for (const auto& child : node.children) items.push_back(&child);
  } else if (node.is_scalar()) {
    items.push_back(&node);
  }
  return items;
}

bool too_many(const Node& node, const std::string& path, std::size_t max, Reading& reading) {
  if (node.children.size() <= max) return false;
  reading.report.error(node.place, fmt::format("`{}` has {} entries; at most {} are allowed", path,
                                               node.children.size(), max));
  return true;
}

std::string map_text(const std::vector<std::string>& entries) {
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

/// Checks the name of a map entry; the message names its place.
bool name_ok(const Node& entry, const std::string& path, TextCheck check, Reading& reading) {
  std::optional<std::string> error;
  if (entry.key.size() > name_bytes_max) {
    error = fmt::format("longer than {} bytes", name_bytes_max);
  } else {
    error = check(entry.key);
  }
  if (error) reading.report.error(entry.key_place, fmt::format("a name in `{}`: {}", path, *error));
  return !error;
}

}  // namespace

std::string yaml_list(const std::vector<std::string>& items) {
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const auto& item : items) texts.push_back(yaml_text(item));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

// -- TextListLeaf ---------------------------------------------------------------

std::string TextListLeaf::type() const {
  return fmt::format("{}list of {}", bounds_.single ? fmt::format("{} or ", of_) : "", of_);
}

std::string TextListLeaf::allowed() const {
  return fmt::format("at most {} entries", bounds_.items_max);
}

bool TextListLeaf::item_ok(const Node& item, const std::string& path, Reading& reading) const {
  std::optional<std::string> error;
  if (!item.is_scalar()) {
    error = fmt::format("must be {}; {} was given", of_, describe(item.kind));
  } else if (item.text.size() > bounds_.bytes_max) {
    error = fmt::format("longer than {} bytes", bounds_.bytes_max);
  } else if (check_ != nullptr) {
    error = check_(item.text);
  }
  if (!error) return true;
  if (item.is_scalar() && !bounds_.secret) {
    report_value(item, path, *error, reading);
  } else {
    const std::string part = item.is_scalar() ? shown_url(item) + ": " : std::string();
    reading.report.error(item.place, fmt::format("`{}`: {}{}", path, part, *error));
  }
  return false;
}

void TextListLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_list() && !(bounds_.single && node.is_scalar())) {
    report_type(*this, node, path, reading);
    return;
  }
  if (too_many(node, path, bounds_.items_max, reading)) return;
  std::vector<std::string> values;
  const auto items = items_of(node);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto at = node.is_list() ? item_path(path, i) : path;
    if (items[i]->broken || !item_ok(*items[i], at, reading)) continue;
    reading.places[at] = items[i]->place;
    if (std::find(values.begin(), values.end(), items[i]->text) != values.end()) {
      reading.report.error(items[i]->place, fmt::format("`{}`: given twice", at));
      continue;
    }
    values.push_back(items[i]->text);
  }
  field_ = std::move(values);
}

std::string TextListLeaf::show() const {
  if (!bounds_.secret) return yaml_list(field_);
  std::vector<std::string> redacted;
  for (const auto& url : field_) redacted.push_back(redacted_url(url));
  return yaml_list(redacted);
}

std::string TextListLeaf::identity() const { return yaml_list(field_); }

// -- compression ----------------------------------------------------------------

void CodingListLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_list() || node.children.empty()) {
    report_type(*this, node, path, reading);
    return;
  }
  std::vector<rules::Coding> values;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& item = node.children[i];
    std::size_t word = words::coding.size();
    ChoiceLeaf(word, words::coding).read(item, item_path(path, i), reading);
    if (word == words::coding.size()) continue;  // said so already
    const rules::Coding coding = rules::encoded_codings[word];
    if (std::find(values.begin(), values.end(), coding) != values.end()) {
      report_value(item, item_path(path, i), "given twice", reading);
      continue;
    }
    values.push_back(coding);
  }
  field_ = std::move(values);
}

std::string CodingListLeaf::show() const {
  std::vector<std::string> names;
  for (const rules::Coding coding : field_) names.emplace_back(rules::coding_name(coding));
  return yaml_list(names);
}

void TypeLevelsLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_map()) {
    report_type(*this, node, path, reading);
    return;
  }
  if (too_many(node, path, names_max, reading)) return;
  Field values;
  for (const auto& entry : node.children) {
    if (!name_ok(entry, path, name_check_, reading)) continue;
    int level = 1;
    IntegerLeaf(level, 1, 9).read(entry, path + "." + entry.key, reading);
    values.emplace_back(entry.key, level);
  }
  field_ = std::move(values);
}

std::string TypeLevelsLeaf::show() const {
  std::vector<std::string> entries;
  for (const auto& [name, level] : field_) {
    entries.push_back(fmt::format("{}: {}", yaml_text(name), level));
  }
  return map_text(entries);
}

// -- addresses ------------------------------------------------------------------

std::optional<UnitError> AddressLeaf::set(const Node& scalar) {
  auto parsed = parse_listen_address(scalar.text);
  if (auto* error = std::get_if<UnitError>(&parsed)) return std::move(*error);
  field_ = std::get<Address>(std::move(parsed));
  return std::nullopt;
}

std::string AddressLeaf::show() const { return yaml_text(to_string(field_)); }

void AddressListLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (too_many(node, path, addresses_max, reading)) return;
  const auto items = items_of(node);
  if (items.empty()) {
    const bool tls = node.find("tls") != nullptr;
    if (tls) {
      reading.report.error(node.place, "a TLS listener is not available in this version");
    } else {
      report_type(*this, node, path, reading);
    }
    return;
  }
  std::vector<Address> addresses;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto at = node.is_list() ? item_path(path, i) : path;
    if (items[i]->find("tls") != nullptr) {
      reading.report.error(items[i]->place, "a TLS listener is not available in this version");
      continue;
    }
    Address address;
    AddressLeaf(address).read(*items[i], at, reading);
    // Port 0 means a new port each time, so two of them do not collide.
    const bool twice = std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    if (twice && (address.port != 0 || !address.unix_path.empty())) {
      reading.report.error(items[i]->place, fmt::format("`{}`: given twice", at));
    }
    addresses.push_back(std::move(address));
  }
  field_ = std::move(addresses);
}

std::string AddressListLeaf::show() const {
  if (field_.empty()) return {};
  std::vector<std::string> texts;
  for (const auto& address : field_) texts.push_back(to_string(address));
  return texts.size() == 1 ? yaml_text(texts.front()) : yaml_list(texts);
}

void TargetListLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (too_many(node, path, addresses_max, reading)) return;
  const auto items = items_of(node);
  if (items.empty()) {
    report_type(*this, node, path, reading);
    return;
  }
  std::vector<UpstreamTarget> targets;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto at = node.is_list() ? item_path(path, i) : path;
    if (!items[i]->is_scalar()) {
      report_type(*this, *items[i], at, reading);
      continue;
    }
    if (items[i]->broken) continue;
    auto parsed = parse_upstream(items[i]->text);
    if (const auto* error = std::get_if<UnitError>(&parsed)) {
      reading.report.error(items[i]->place, fmt::format("`{}`: {}", at, error->message));
      continue;
    }
    auto target = std::get<UpstreamTarget>(std::move(parsed));
    const auto same = [&](const auto& other) { return other.address == target.address; };
    if (std::any_of(targets.begin(), targets.end(), same)) {
      reading.report.error(items[i]->place, fmt::format("`{}`: given twice", at));
      continue;
    }
    targets.push_back(std::move(target));
  }
  field_ = std::move(targets);
}

std::string TargetListLeaf::show() const {
  if (field_.empty()) return {};
  std::vector<std::string> texts;
  for (const auto& target : field_) {
    const bool tcp = target.address.unix_path.empty();
    texts.push_back(tcp ? "http://" + target.host_header : to_url(target.address));
  }
  return texts.size() == 1 ? yaml_text(texts.front()) : yaml_list(texts);
}

// -- maps of names --------------------------------------------------------------

std::string NamedListsLeaf::type() const { return fmt::format("map of lists of {}", of_); }

void NamedListsLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_map()) {
    report_type(*this, node, path, reading);
    return;
  }
  if (too_many(node, path, names_max, reading)) return;
  Field values;
  for (const auto& entry : node.children) {
    if (!name_ok(entry, path, name_check_, reading)) continue;
    std::vector<std::string> items;
    TextListLeaf(items, of_, item_check_, {}).read(entry, path + "." + entry.key, reading);
    values.emplace_back(entry.key, std::move(items));
  }
  field_ = std::move(values);
}

std::string NamedListsLeaf::show() const {
  std::vector<std::string> entries;
  for (const auto& [name, items] : field_) {
    entries.push_back(yaml_text(name) + ": " + yaml_list(items));
  }
  return map_text(entries);
}

void PairsLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_map()) {
    report_type(*this, node, path, reading);
    return;
  }
  if (too_many(node, path, names_max, reading)) return;
  Field values;
  for (const auto& entry : node.children) {
    if (!name_ok(entry, path, name_check_, reading)) continue;
    std::string value;
    TextLeaf(value, "text").read(entry, path + "." + entry.key, reading);
    values.emplace_back(entry.key, std::move(value));
  }
  field_ = std::move(values);
}

std::string PairsLeaf::show() const {
  std::vector<std::string> entries;
  for (const auto& [name, value] : field_) {
    entries.push_back(yaml_text(name) + ": " + yaml_text(value));
  }
  return map_text(entries);
}

}  // namespace homeostat::config
