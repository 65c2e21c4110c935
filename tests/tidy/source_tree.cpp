#include "tests/tidy/source_tree.hpp"

#include <fstream>
#include <set>

namespace homeostat::tidy {
namespace {

bool wanted(const std::filesystem::path& path) {
  static const std::set<std::string> endings = {".cpp", ".hpp", ".cmake", ".yaml", ".sh",
                                                ".md",  ".py",  ".txt",   ".json"};
  return endings.contains(path.extension().string()) || path.filename() == "Makefile";
}

bool skipped(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name == "build" || name.starts_with("build-") || name == ".git" || name == ".cache";
}

std::vector<SourceFile> read_tree() {
  const std::filesystem::path root = HOMEOSTAT_SOURCE_DIR;
  std::vector<SourceFile> files;
  std::filesystem::recursive_directory_iterator walk(root), end;
  for (; walk != end; ++walk) {
    if (walk->is_directory() && skipped(walk->path())) {
      walk.disable_recursion_pending();
      continue;
    }
    if (!walk->is_regular_file() || !wanted(walk->path())) continue;
    SourceFile file{std::filesystem::relative(walk->path(), root).generic_string(), {}};
    std::ifstream stream(walk->path());
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

std::string SourceFile::room() const {
  const std::size_t first = path.find('/');
  if (first == std::string::npos) return {};
  const std::string top = path.substr(0, first);
  if (top != "runtime") return top;
  const std::size_t second = path.find('/', first + 1);
  return second == std::string::npos ? top : path.substr(0, second);
}

const std::vector<SourceFile>& source_tree() {
  static const std::vector<SourceFile> files = read_tree();
  return files;
}

std::string code_of(const std::string& line) {
  std::string code;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') {
        in_string = false;
        code += c;
      }
      continue;
    }
    if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
    if (c == '\'' && i + 2 < line.size()) {  // a character literal, or a digit separator
      const std::size_t close = line[i + 1] == '\\' ? i + 3 : i + 2;
      if (close < line.size() && line[close] == '\'') {
        i = close;
        continue;
      }
    }
    if (c == '"') in_string = true;
    code += c;
  }
  return code;
}

}  // namespace homeostat::tidy
