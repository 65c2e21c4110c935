#include "runtime/admin/cache_events.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace homeostat::admin {
namespace {

constexpr std::string_view tag_word = "tag:", event_word = "event:";
constexpr std::size_t value_bytes_max = 256;

void add_once(std::vector<std::string>& to, std::string text) {
  if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(std::move(text));
}

bool usable(std::string_view value) {
  return !value.empty() && value.size() <= value_bytes_max &&
         std::none_of(value.begin(), value.end(), [](char c) {
           return c == '*' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

class Expansion {
 public:
  Expansion(const CacheEvents& events, const EventValues& values)
      : events_(events), values_(values) {
    for (const auto& [name, value] : values) {
      // A star in a value would take what nobody meant.
      if (!usable(value)) {
        add_once(result_.errors,
                 name + ": expected 1 to 256 bytes without * and control characters");
      }
    }
  }

  void run(const std::string& name) {
    if (std::find(result_.events.begin(), result_.events.end(), name) != result_.events.end()) {
      return;
    }
    const auto event = std::find_if(events_.begin(), events_.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (event == events_.end()) return;
    result_.events.push_back(name);
    for (const std::string& item : event->second) add(item);
  }

  ExpandedEvent finish() {
    const PurgeRequest& purge = result_.purge;
    if (purge.tags.size() + purge.patterns.size() + purge.keys.size() > ExpandedEvent::names_max) {
      result_.errors.push_back("the event and its cascades name more than 1000 things");
    }
    return std::move(result_);
  }

 private:
  void add(std::string_view item) {
    if (item.starts_with(event_word)) return run(std::string(item.substr(event_word.size())));
    const bool pattern = item.front() == '/' || item.find('*') != std::string_view::npos;
    const bool tag = item.starts_with(tag_word);
    auto text = fill(tag ? item.substr(tag_word.size()) : item);
    if (!text) return;
    PurgeRequest& purge = result_.purge;
    add_once(tag ? purge.tags : pattern ? purge.patterns : purge.keys, std::move(*text));
  }

  std::optional<std::string> fill(std::string_view text) {
    std::string out;
    bool whole = true;
    while (!text.empty()) {
      const std::size_t open = std::min(text.find('{'), text.size());
      out += text.substr(0, open);
      text.remove_prefix(open);
      if (text.empty()) break;
      const std::size_t close = std::min(text.find('}'), text.size());
      const std::string name(text.substr(1, close - 1));
      text.remove_prefix(std::min(close + 1, text.size()));
      const auto value = std::find_if(values_.begin(), values_.end(),
                                      [&](const auto& entry) { return entry.first == name; });
      if (value == values_.end()) {
        add_once(result_.errors, name + ": the event needs a value for it");
        whole = false;
      } else {
        out += value->second;
      }
    }
    return whole ? std::optional(std::move(out)) : std::nullopt;
  }

  const CacheEvents& events_;
  const EventValues& values_;
  ExpandedEvent result_;
};

}  // namespace

ExpandedEvent expand_event(const CacheEvents& events, const std::string& name,
                           const EventValues& values) {
  Expansion expansion(events, values);
  expansion.run(name);
  return expansion.finish();
}

}  // namespace homeostat::admin
