#include "runtime/sense/cgroup_paths.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

constexpr std::size_t depth_max = 64;

/// Where one hierarchy is mounted: `inner` is the directory of the hierarchy
/// that appears at `point`.
struct Mount {
  std::string inner, point;
};

struct Mounts {
  std::optional<Mount> unified;
  std::map<std::string, Mount, std::less<>> controllers;  // v1, by controller
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescape_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7' ? text[at] - '0' : -1;
    };
    if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
      out += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// 36 35 98:0 /inner /point rw,noatime shared:1 - cgroup cgroup rw,cpu,cpuacct
void add_mount(std::string_view line, Mounts& mounts) {
  const std::vector<std::string_view> words = split_words(line);
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (words.size() < 6 || words.end() - dash < 4 || dash - words.begin() < 6) return;
  const std::string_view type = dash[1];
  Mount mount{unescape_octal(words[3]), unescape_octal(words[4])};
  if (type == "cgroup2") {
    if (!mounts.unified) mounts.unified = std::move(mount);
    return;
  }
  if (type != "cgroup") return;
  for (const std::string_view option : split(dash[3], ',')) {
    mounts.controllers.try_emplace(std::string(option), mount);
  }
}

Mounts read_mounts(const std::string& root) {
  Mounts mounts;
  if (const auto content = read_file(join_path(root, "/proc/self/mountinfo"))) {
    for (const std::string_view line : split(*content, '\n')) add_mount(line, mounts);
  }
  return mounts;
}

/// The path below the mount point; nullopt when the cgroup is not visible
/// through this mount ("/../sibling", or outside of the mounted subtree).
std::optional<std::string> below_mount(std::string_view path, std::string_view inner) {
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") return std::nullopt;
  }
  if (inner == "/") return std::string(path);
  if (path == inner) return "/";
  if (path.size() > inner.size() && path.starts_with(inner) && path[inner.size()] == '/') {
    return std::string(path.substr(inner.size()));
  }
  return std::nullopt;
}

CgroupDirectory directory_of(const std::string& root, const Mount& mount, std::string_view path,
                             CgroupVersion version) {
  const auto below = below_mount(path, mount.inner);
  if (!below) return {};
  CgroupDirectory directory;
  directory.top = join_path(root, mount.point);
  directory.leaf = join_path(directory.top, *below);
  if (!exists(directory.leaf)) return {};
  directory.version = version;
  return directory;
}

bool has_any(const CgroupDirectory& directory, std::initializer_list<const char*> files) {
  return std::any_of(files.begin(), files.end(),
                     [&](const char* file) { return exists(directory.leaf + "/" + file); });
}

/// With v2 one directory serves all, where its controllers are enabled. With
/// the hybrid layout it has none, and the v1 directories stay.
void use_unified(CgroupPaths& paths) {
  if (!paths.unified.known()) return;
  if (!paths.cpu.known() && has_any(paths.unified, {"cpu.stat"})) paths.cpu = paths.unified;
  if (!paths.cpuacct.known() && has_any(paths.unified, {"cpu.stat"})) paths.cpuacct = paths.unified;
  if (!paths.cpuset.known() && has_any(paths.unified, {"cpuset.cpus.effective"})) {
    paths.cpuset = paths.unified;
  }
  if (!paths.memory.known() && has_any(paths.unified, {"memory.current"}))
    paths.memory = paths.unified;
}

CgroupDirectory* controller(CgroupPaths& paths, std::string_view name) {
  if (name == "cpu") return &paths.cpu;
  if (name == "cpuacct") return &paths.cpuacct;
  if (name == "cpuset") return &paths.cpuset;
  if (name == "memory") return &paths.memory;
  return nullptr;
}

constexpr std::array<std::string_view, 4> controller_names = {"cpu", "cpuacct", "cpuset", "memory"};

/// <hierarchy>/cpu,cpuacct/<rest> -> <hierarchy>/memory/<rest>, if it exists.
CgroupPaths explicit_v1(const std::string& root, const std::string& path) {
  CgroupPaths paths;
  const std::vector<std::string_view> parts = split(path, '/');
  std::string before;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto names = split(parts[i], ',');
    const bool is_hierarchy = std::any_of(names.begin(), names.end(), [](std::string_view name) {
      return std::find(controller_names.begin(), controller_names.end(), name) !=
             controller_names.end();
    });
    if (!is_hierarchy) {
      if (!parts[i].empty()) before += "/" + std::string(parts[i]);
      continue;
    }
    std::string rest;
    for (std::size_t j = i + 1; j < parts.size(); ++j) rest += "/" + std::string(parts[j]);
    for (const std::string_view name : controller_names) {
      for (const std::string& hierarchy :
           {std::string(name), std::string("cpu,cpuacct"), std::string(parts[i])}) {
        const auto served = split(hierarchy, ',');
        if (std::find(served.begin(), served.end(), name) == served.end()) continue;
        CgroupDirectory directory = directory_of(root, {"/", before + "/" + hierarchy},
                                                 rest.empty() ? "/" : rest, CgroupVersion::v1);
        if (directory.known()) *controller(paths, name) = std::move(directory);
      }
    }
    break;
  }
  return paths;
}

}  // namespace

std::vector<std::string> CgroupDirectory::chain() const {
  std::vector<std::string> directories;
  std::string at = leaf;
  while (directories.size() < depth_max) {
    directories.push_back(at);
    if (at == top || at.size() <= top.size()) break;
    at.resize(at.rfind('/'));
  }
  return directories;
}

CgroupPaths resolve_cgroup(const std::string& root, const std::string& process) {
  CgroupPaths paths;
  const auto content = read_file(join_path(root, "/proc/" + process + "/cgroup"));
  if (!content) return paths;
  const Mounts mounts = read_mounts(root);
  for (const std::string_view line : split(*content, '\n')) {
    // hierarchy-id:controller,list:path; the path may contain colons itself
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (names.empty() && line.substr(0, first) == "0") {
      if (mounts.unified)
        paths.unified = directory_of(root, *mounts.unified, path, CgroupVersion::v2);
      continue;
    }
    for (const std::string_view name : split(names, ',')) {
      CgroupDirectory* target = controller(paths, name);
      const auto mount = mounts.controllers.find(name);
      if (target == nullptr || mount == mounts.controllers.end()) continue;
      *target = directory_of(root, mount->second, path, CgroupVersion::v1);
    }
  }
  use_unified(paths);
  return paths;
}

CgroupPaths explicit_cgroup(const std::string& root, const std::string& path) {
  const std::string leaf = join_path(root, path);
  if (!exists(leaf)) return {};
  if (!exists(leaf + "/cgroup.controllers")) {
    if (CgroupPaths v1 = explicit_v1(root, path); v1.known()) return v1;
  }
  CgroupPaths paths;
  // Ancestors bind as far up as they are cgroups themselves.
  std::string top = leaf;
  for (std::size_t depth = 0; depth < depth_max; ++depth) {
    const std::size_t slash = top.rfind('/');
    if (slash == std::string::npos || slash == 0) break;
    const std::string parent = top.substr(0, slash);
    if (!exists(parent + "/cgroup.procs")) break;
    top = parent;
  }
  paths.unified = {CgroupVersion::v2, top, leaf};
  use_unified(paths);
  return paths;
}

}  // namespace homeostat::sense
