// The project's structure as a test: who may include whom, how long files and
// functions may be, which calls are banned and what to use instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tests/tidy/source_tree.hpp"

namespace homeostat::tidy {
namespace {

constexpr std::size_t file_lines_max = 400;
constexpr std::size_t function_lines_max = 60;
constexpr std::size_t line_bytes_max = 120;

bool product_code(const SourceFile& file) {
  static const std::set<std::string> tops = {"rules", "config", "actors", "runtime"};
  return file.is_cpp() && tops.contains(file.path.substr(0, file.path.find('/')));
}

/// Rooms of the project each room may include, besides itself. Data of
/// docs/ARCHITECTURE.md; config/settings.hpp and the sections in
/// config/settings/ are open to every room.
const std::map<std::string, std::set<std::string>>& allowed_rooms() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"rules", {}},
      {"config", {"rules"}},
      {"runtime/ports", {"rules"}},
      {"runtime/http", {"runtime/ports", "rules"}},
      {"runtime/telemetry", {"runtime/ports", "rules"}},
      {"runtime/compress", {"runtime/ports", "rules"}},
      {"runtime/gate", {"runtime/ports", "rules"}},
      {"runtime/sense", {"runtime/ports", "rules"}},
      {"runtime/cache", {"runtime/ports", "rules", "runtime/http"}},
      {"runtime/proxy",
       {"runtime/ports", "rules", "runtime/http", "runtime/cache", "runtime/tier", "runtime/gate",
        "runtime/compress", "runtime/telemetry"}},
      {"runtime/redis", {"runtime/ports", "rules"}},
      {"runtime/tier",
       {"runtime/ports", "rules", "runtime/http", "runtime/cache", "runtime/compress",
        "runtime/redis"}},
      {"runtime/admin", {"runtime/ports", "rules"}},
      {"runtime/alert", {"runtime/ports", "rules"}},
      {"actors", {"runtime/ports", "rules"}},
  };
  return table;
}

TEST(Tidy, FilesStayShort) {
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp()) continue;
    EXPECT_LE(file.lines.size(), file_lines_max) << file.path << " should be split";
  }
}

TEST(Tidy, LinesStayReadable) {
  for (const SourceFile& file : source_tree()) {
    if (!product_code(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_LE(file.lines[i].size(), line_bytes_max) << file.path << ":" << i + 1;
    }
  }
}

bool opens_function(const std::string& code) {
  static const std::regex other(
      R"(^\s*(namespace|class|struct|enum|union|extern|if|for|while|switch|do|else|case|try)\b|=\s*\{$|^\s*\{$|\breturn\b)");
  return code.ends_with("{") && code.find('(') != std::string::npos &&
         !std::regex_search(code, other);
}

struct Span {
  std::size_t first = 0, lines = 0;  ///< of a function, its signature included
};

/// The functions outside of others, by indentation: the formatter sees to that.
std::vector<Span> functions_of(const std::vector<std::string>& lines) {
  std::vector<Span> found;
  std::string signature, close;
  std::size_t start = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string code = code_of(lines[i]);
    const std::size_t indent = code.find_first_not_of(' ');
    if (indent == std::string::npos || code.ends_with('\\')) continue;  // nothing, or a macro
    if (!close.empty()) {
      if (!code.starts_with(close)) continue;
      found.push_back({start, i - start + 1});
      close.clear();
      continue;
    }
    if (signature.empty()) {
      if (indent > 2) continue;
      start = i;
    }
    signature += code;
    if (opens_function(signature)) {
      close = std::string(lines[start].find_first_not_of(' '), ' ') + "}";
    }
    const bool goes_on = close.empty() && code[indent] != '#' &&
                         std::string_view(";{}:").find(code.back()) == std::string_view::npos;
    if (!goes_on) signature.clear();
  }
  return found;
}

TEST(Tidy, SeesWrappedSignatures) {
  const std::vector<Span> found = functions_of(
      {"int one(int a) {", "  return a;", "}", "", "int two(int a,", "        int b) {", "  f();",
       "}", "class C {", " public:", "  C(int a)", "      : a_(a) {", "    f();", "  }", "};"});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].lines, 3U);
  EXPECT_EQ(found[1].first, 4U);
  EXPECT_EQ(found[1].lines, 4U);
  EXPECT_EQ(found[2].lines, 4U);
}

TEST(Tidy, FunctionsStayShort) {
  for (const SourceFile& file : source_tree()) {
    if (!product_code(file)) continue;
    for (const Span& function : functions_of(file.lines)) {
      EXPECT_LE(function.lines, function_lines_max)
          << file.path << ":" << function.first + 1 << " function should be split";
    }
  }
}

TEST(Tidy, RoomsIncludeOnlyWhatTheyMay) {
  static const std::regex include(R"(^#include \"([^\"]+)\")");
  for (const SourceFile& file : source_tree()) {
    const auto row = allowed_rooms().find(file.room());
    if (!file.is_cpp() || row == allowed_rooms().end()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(file.lines[i], match, include)) continue;
      const SourceFile target{match[1].str(), {}};
      const std::string room = target.room();
      const bool settings = target.path.starts_with("config/settings");
      const bool fine = room == file.room() || row->second.contains(room) || settings;
      EXPECT_TRUE(fine) << file.path << ":" << i + 1 << ": " << file.room() << " may not include "
                        << target.path;
    }
  }
}

struct Ban {
  std::regex pattern;
  std::string why;
  std::set<std::string> exempt;  ///< paths that start with one of these
};

const std::vector<Ban>& bans() {
  static const std::vector<Ban> table = {
      {std::regex(R"((steady_clock|system_clock|high_resolution_clock)::now\b)"),
       "take an Instant, or a Clock from runtime/ports/clock.hpp",
       {"runtime/ports/clock.cpp"}},
      {std::regex(R"(\b(clock_gettime|gettimeofday)\s*\()"),
       "use a Clock",
       {"runtime/ports/clock.cpp"}},
      {std::regex(R"(\b(sleep_for|sleep_until|usleep|nanosleep)\b)"),
       "wait for an event, not for time to pass",
       {"tools/", "deploy/"}},
      {std::regex(R"(\b(std::rand|srand|rand)\s*\()"), "use a seeded generator", {}},
      {std::regex(R"(<(caf/all|boost/asio|boost/beast|bits/stdc\+\+)\.hpp>)"),
       "include the narrow headers",
       {}},
      {std::regex(R"(using namespace (std|caf|boost)\s*;)"), "name what you use", {}},
  };
  return table;
}

TEST(Tidy, BannedCallsAreAbsent) {
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp() || file.path.starts_with("tests/tidy/")) continue;
    for (const Ban& ban : bans()) {
      bool exempt = false;
      for (const std::string& prefix : ban.exempt) exempt |= file.path.starts_with(prefix);
      for (std::size_t i = 0; !exempt && i < file.lines.size(); ++i) {
        EXPECT_FALSE(std::regex_search(code_of(file.lines[i]), ban.pattern))
            << file.path << ":" << i + 1 << ": " << ban.why;
      }
    }
  }
}

TEST(Tidy, RulesKnowNothingButTheStandardLibrary) {
  static const std::regex include(R"(^#include <([^>]+)>)");
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp() || file.room() != "rules") continue;
    for (const std::string& line : file.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      EXPECT_EQ(match[1].str().find_first_of("./"), std::string::npos)
          << file.path << " includes " << match[1];
    }
  }
}

TEST(Tidy, ActorsTouchNoSocketsAndNoMetricsLibrary) {
  static const std::regex banned(R"(<(boost/asio|hiredis|prometheus|spdlog|sys/socket))");
  for (const SourceFile& file : source_tree()) {
    if (file.room() != "actors") continue;
    for (const std::string& line : file.lines) {
      EXPECT_FALSE(std::regex_search(line, banned)) << file.path << ": " << line;
    }
  }
}

TEST(Tidy, NothingIsLeftForLater) {
  static const std::regex leftover(R"(\b(TODO|FIXME|XXX|HACK)\b)");
  for (const SourceFile& file : source_tree()) {
    if (file.path.starts_with("tests/tidy/")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(file.lines[i], leftover)) << file.path << ":" << i + 1;
    }
  }
}

TEST(Tidy, HeadersSayWhatTheyAreFor) {
  for (const SourceFile& file : source_tree()) {
    if (!product_code(file) || !file.path.ends_with(".hpp") || file.lines.empty()) continue;
    EXPECT_TRUE(file.lines.front().starts_with("// "))
        << file.path << " should open with its purpose";
    EXPECT_NE(std::find(file.lines.begin(), file.lines.end(), "#pragma once"), file.lines.end())
        << file.path;
  }
}

}  // namespace
}  // namespace homeostat::tidy
