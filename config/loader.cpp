#include "config/loader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "config/checks.hpp"
#include "config/files.hpp"
#include "config/list_leaves.hpp"
#include "config/overrides.hpp"
#include "config/reader.hpp"
#include "config/rule_reader.hpp"
#include "config/schema.hpp"
#include "config/substitution.hpp"

namespace homeostat::config {
namespace {

/// Variables whose value no message may hold, wherever it was used.
bool names_a_secret(std::string_view variable) {
  for (const std::string_view word : {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"}) {
    if (variable.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void keep_secrets(const Environment& environment, Report& report) {
  for (const auto& [name, value] : environment) {
    if (names_a_secret(name)) report.keep_secret(value);
  }
}

struct Load {
  std::shared_ptr<const Source> source;
  const Environment& environment;
  std::string base_dir;
  const std::vector<Override>& overrides;
  const FurtherCheck& further;
  Report report{};
  Names referenced{};
  std::vector<std::string> files{};

  void read_rules(Settings& settings, const Reading& reading) {
    RuleReader rules(&environment, report, referenced);
    rules.named_by("optimization.rules");
    const auto named = reading.places.find("optimization.rules");
    const Place place = named == reading.places.end() ? Place{source, 1, 1, 0} : named->second;
    for (const auto& entry : settings.optimization.rule_sources) {
      rules.add(entry, base_dir, place);
    }
    files.insert(files.end(), rules.files().begin(), rules.files().end());
    settings.optimization.rules = rules.take();
  }

  std::optional<Settings> run() {
    auto root = parse_document(source, report);
    if (!root) return std::nullopt;
    if (!root->is_map()) {
      report.error(root->place, "the configuration must be a map of keys");
      return std::nullopt;
    }
    substitute(*root, environment, report, referenced);
    const std::size_t marked = report.size();  // in the nodes they concern
    apply_environment(*root, environment, report, referenced);
    apply_overrides(*root, overrides, environment, report, referenced);
    const bool complete = report.size() == marked;
    Settings settings;
    Reading reading{report, base_dir, {}, true};
    Reader reader(*root, "", reading);
    visit(reader, settings);
    reader.finish();
    read_rules(settings, reading);
    const Place root_place{source, 1, 1, 0};
    if (complete) check_settings(settings, root_place, reading);
    if (further && complete) {
      further(settings, [&](const std::string& key, const std::string& message) {
        if (could_not_read(key, reading)) return;
        report.error(place_of(key, root_place, reading), fmt::format("`{}`: {}", key, message));
      });
    }
    report_unknown_variables(environment, referenced, report);
    return settings;
  }
};

LoadResult finish(Load& load, const std::string& path) {
  keep_secrets(load.environment, load.report);
  LoadResult result;
  if (!path.empty()) load.files.push_back(path);
  auto settings = load.run();
  result.files = std::move(load.files);
  if (load.report.empty() && settings) {
    settings->source_path = path;
    result.settings = std::move(settings);
  } else {
    result.diagnostics = load.report.take();
  }
  return result;
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

LoadResult load_file(const std::string& path, const Environment& environment,
                     const std::vector<Override>& overrides, const FurtherCheck& further) {
  auto text = read_file(path, file_bytes_max);
  if (const auto* error = std::get_if<UnitError>(&text)) {
    LoadResult result;
    result.files.push_back(path);
    Diagnostic diagnostic;
    diagnostic.file = path;
    diagnostic.message = error->message;
    result.diagnostics.push_back(std::move(diagnostic));
    return result;
  }
  Load load{make_source(path, std::get<std::string>(text)), environment, folder_of(path), overrides,
            further};
  return finish(load, path);
}

LoadResult load_text(std::string_view text, const std::string& name, const Environment& environment,
                     const std::string& base_dir, const std::vector<Override>& overrides,
                     const FurtherCheck& further) {
  Load load{make_source(name, std::string(text)), environment, base_dir.empty() ? "." : base_dir,
            overrides, further};
  return finish(load, {});
}

LoadResult from_flags(const std::string& listen, const std::vector<std::string>& upstreams,
                      const Environment& environment, const std::vector<Override>& others,
                      const FurtherCheck& further) {
  std::vector<Override> overrides;
  if (!listen.empty()) overrides.push_back({"--listen", "listen", listen});
  if (upstreams.size() == 1) overrides.push_back({"--upstream", "upstream.url", upstreams.front()});
  if (upstreams.size() > 1)
    overrides.push_back({"--upstream", "upstream.url", yaml_list(upstreams)});
  overrides.insert(overrides.end(), others.begin(), others.end());
  Load load{std::make_shared<const Source>(Source{"command line", {}, false}), environment, ".",
            overrides, further};
  return finish(load, {});
}

}  // namespace homeostat::config
