#include <algorithm>
#include <array>
#include <cstdio>

#include "rules/expr/expression.hpp"
#include "rules/replay/replay.hpp"

namespace homeostat::rules {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string seconds_text(double seconds) { return format_value(seconds, Unit::duration); }

std::string share_text(double seconds, const ReplayResult& result) {
  const double length = result.to - result.from;
  return length > 0 ? format_value(seconds / length, Unit::ratio) : "0%";
}

std::size_t name_width(const ReplayResult& result) {
  std::size_t width = 4;
  for (const ReplayedRule& rule : result.rules) width = std::max(width, rule.name.size());
  return width;
}

constexpr std::size_t column = 14;

}  // namespace

std::string describe(const ReplayResult& result) {
  std::string out = format_time(result.from) + " to " + format_time(result.to) + ", " +
                    std::to_string(result.ticks) + " evaluations\n";
  for (const ReplayEvent& event : result.events) {
    out += format_time(event.at) + "  " + event.subject + ": " + event.from + " -> " + event.to +
           "  " + event.reason + "\n";
  }
  if (result.events_total > result.events.size()) {
    out += "... and " + std::to_string(result.events_total - result.events.size()) + " more\n";
  }
  const std::size_t width = name_width(result);
  out += "\n" + padded("rule", width) + right("activations", column) + right("active", column) +
         right("share", column) + "\n";
  for (const ReplayedRule& rule : result.rules) {
    out += padded(rule.name, width) + right(std::to_string(rule.activations), column) +
           right(seconds_text(rule.active_seconds), column) +
           right(share_text(rule.active_seconds, result), column) +
           (rule.missing ? "  reads signals that were not recorded" : "") + "\n";
  }
  out += "emergencies: " + std::to_string(result.emergencies) + ", " +
         seconds_text(result.emergency_seconds) + "; throttled for " +
         seconds_text(result.throttled_seconds) + "\n";
  if (result.truncated) {
    out += "the recording was not replayed to its end: it has more evaluations than " +
           std::to_string(ReplayResult::ticks_max) + "; take a larger step\n";
  }
  if (result.effects_not_replayed) {
    out += "`effect` and `rollout` were left out: rules in force act in full\n";
  }
  return out;
}

std::string describe_difference(const ReplayResult& first, const ReplayResult& second) {
  const std::size_t width = std::max(name_width(first), name_width(second));
  std::string out = padded("rule", width) + right("activations", column) + right("then", column) +
                    right("active", column) + right("then", column) + "\n";
  const auto find = [](const ReplayResult& result, const std::string& name) {
    const auto found = std::find_if(result.rules.begin(), result.rules.end(),
                                    [&](const ReplayedRule& rule) { return rule.name == name; });
    return found == result.rules.end() ? nullptr : &*found;
  };
  const auto line = [&](const std::string& name, const ReplayedRule* a, const ReplayedRule* b) {
    out += padded(name, width) + right(a ? std::to_string(a->activations) : "-", column) +
           right(b ? std::to_string(b->activations) : "-", column) +
           right(a ? seconds_text(a->active_seconds) : "-", column) +
           right(b ? seconds_text(b->active_seconds) : "-", column) + "\n";
  };
  for (const ReplayedRule& rule : first.rules) line(rule.name, &rule, find(second, rule.name));
  for (const ReplayedRule& rule : second.rules) {
    if (find(first, rule.name) == nullptr) line(rule.name, nullptr, &rule);
  }
  out += "emergency " + seconds_text(first.emergency_seconds) + " then " +
         seconds_text(second.emergency_seconds) + "; throttled " +
         seconds_text(first.throttled_seconds) + " then " + seconds_text(second.throttled_seconds) +
         "\n";
  return out;
}

}  // namespace homeostat::rules
