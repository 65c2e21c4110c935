#include "runtime/app/replay_command.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "config/rule_loader.hpp"
#include "runtime/admin/recording_json.hpp"

namespace homeostat::app {
namespace {

namespace json = boost::json;

std::optional<rules::RuleSet> load(const std::vector<std::string>& sources) {
  config::RuleLoadResult loaded = config::load_rules(sources, ".", config::process_environment());
  if (loaded.ok()) return std::move(loaded.rules);
  std::cerr << config::format(loaded.diagnostics);
  return std::nullopt;
}

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::variant<rules::Recording, rules::RecordingError> read(const std::string& path) {
  const auto text = content_of(path);
  if (!text) return rules::RecordingError{0, "cannot be read"};
  if (!path.ends_with(".json")) return rules::read_recording(*text);
  boost::system::error_code error;
  const json::value answer = json::parse(*text, error);
  if (error) return rules::RecordingError{0, "not valid JSON: " + error.message()};
  return admin::read_range_query(answer);
}

void print(const ReplayCommand& command, const rules::ReplayResult& first,
           const std::optional<rules::ReplayResult>& second) {
  if (command.json) {
    json::object out{{"replay", admin::to_json(first)}};
    if (second) out["compare"] = admin::to_json(*second);
    std::cout << json::serialize(out) << "\n";
    return;
  }
  std::cout << rules::describe(first);
  if (second) {
    std::cout << "\n"
              << rules::describe(*second) << "\nfirst set, then the second:\n"
              << rules::describe_difference(first, *second);
  }
}

}  // namespace

int run_replay(const ReplayCommand& command) {
  const auto first = load(command.rules);
  std::optional<rules::RuleSet> second;
  if (!command.compare.empty()) second = load(command.compare);
  if (!first || (!second && !command.compare.empty())) return 1;
  const auto level = rules::parse_level(command.level);
  if (!level) {
    std::cerr << "--level: expected conservative, balanced, aggressive or adaptive, not `"
              << command.level << "`\n";
    return 1;
  }
  const auto signals = read(command.signals);
  if (const auto* error = std::get_if<rules::RecordingError>(&signals)) {
    std::cerr << command.signals << ":";
    if (error->line > 0) std::cerr << error->line << ":";
    std::cerr << " " << error->message << "\n";
    return 1;
  }
  const auto& recording = std::get<rules::Recording>(signals);
  const rules::ReplayOptions options{*level, std::chrono::seconds(command.step_seconds)};
  std::optional<rules::ReplayResult> other;
  if (second) other = rules::replay(recording, *second, options);
  print(command, rules::replay(recording, *first, options), other);
  return 0;
}

}  // namespace homeostat::app
