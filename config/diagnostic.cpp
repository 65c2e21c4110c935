#include "config/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace homeostat::config {
namespace {

// Blanking out shorter values would shred ordinary words and hide nothing.
constexpr std::size_t secret_bytes_min = 4;

void blank_out(std::string& text, const std::string& secret) {
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
}

/// Files as they first appeared, places within a file from top to bottom.
void in_reading_order(std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> files;
  for (const auto& diagnostic : diagnostics) {
    if (std::find(files.begin(), files.end(), diagnostic.file) == files.end()) {
      files.push_back(diagnostic.file);
    }
  }
  const auto rank = [&files](const Diagnostic& diagnostic) {
    return std::tuple(std::find(files.begin(), files.end(), diagnostic.file) - files.begin(),
                      diagnostic.line, diagnostic.column);
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

}  // namespace

std::string format(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line > 0) text += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
  text += ": " + diagnostic.message;
  if (!diagnostic.suggestion.empty()) text += "; " + diagnostic.suggestion;
  if (!diagnostic.excerpt.empty()) text += "\n" + diagnostic.excerpt;
  return text;
}

std::string format(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) text += format(diagnostic) + "\n";
  return text;
}

std::shared_ptr<const Source> make_source(std::string name, std::string text) {
  if (text.compare(0, 3, "\xef\xbb\xbf") == 0) text.erase(0, 3);
  return std::make_shared<const Source>(Source{std::move(name), std::move(text), true});
}

void Report::error(const Place& place, std::string message, std::string suggestion,
                   std::string excerpt) {
  if (full()) {
    dropped_ = true;
    return;
  }
  Diagnostic diagnostic;
  if (place.source) {
    diagnostic.file = place.source->name;
    if (place.source->lines) {
      diagnostic.line = std::max(place.line, 1);
      diagnostic.column = std::max(place.column, 1);
    }
  }
  diagnostic.message = std::move(message);
  diagnostic.suggestion = std::move(suggestion);
  diagnostic.excerpt = std::move(excerpt);
  // The same alias may be read several times; saying it once is enough.
  if (std::find(diagnostics_.begin(), diagnostics_.end(), diagnostic) == diagnostics_.end()) {
    diagnostics_.push_back(std::move(diagnostic));
  }
}

void Report::keep_secret(const std::string& value) {
  if (value.size() >= secret_bytes_min) secrets_.push_back(value);
}

std::vector<Diagnostic> Report::take() {
  auto result = std::exchange(diagnostics_, {});
  in_reading_order(result);
  if (std::exchange(dropped_, false)) {
    Diagnostic more;
    more.file = result.front().file;
    more.message = fmt::format("more than {} errors; the rest is not shown", diagnostics_max);
    result.push_back(std::move(more));
  }
  // Longest first, so that a secret which contains another leaves no rest.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (auto& diagnostic : result) {
    for (const auto& secret : secrets_) {
      blank_out(diagnostic.message, secret);
      blank_out(diagnostic.suggestion, secret);
      blank_out(diagnostic.excerpt, secret);
    }
  }
  return result;
}

}  // namespace homeostat::config
