// Notices that files have changed, by looking once a second.
//
// Looking, not inotify: it also sees what inotify does not tell of the path itself, such as the
// swap of a symbolic link two folders up that Kubernetes makes of a changed ConfigMap,
// and file systems without events. A change is told once what is there has stayed the same
// for a look, so that a file is not read while it is being written; then nothing more is
// told until something else changes, whatever came of it.
//
// Thread safety: none; the control loop's thread. Ownership: outlived by the io_context.
// Bounds: as many paths as given, 100 per glob; one stat() each a second, no file is read.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace homeostat::app {

/// What is at a path: changes with every write, rename or swapped link.
struct FileState {
  bool exists = false;
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileState&) const = default;
};

/// Follows links.
[[nodiscard]] FileState state_of(const std::string& path) noexcept;

/// By path; a glob stands for the list of what it matches.
using FileStates = std::map<std::string, FileState>;

/// Every file, and what the globs match. Wildcards are in the last component only.
[[nodiscard]] FileStates states_of(const std::vector<std::string>& paths);

/// Decides, look by look. What is looked at for the first time is taken for what was loaded.
class ChangeDetector {
 public:
  /// True: what changed has come to rest.
  [[nodiscard]] bool look(FileStates now);
  /// What is there now is about to be loaded.
  void settle(FileStates now);

 private:
  FileStates known_, seen_;
};

class FileWatch {
 public:
  static constexpr std::chrono::seconds period{1};

  /// `paths`, files and globs, is asked at each look; without any nothing is watched.
  FileWatch(boost::asio::io_context& context, std::function<std::vector<std::string>()> paths,
            std::function<void()> changed);

  void start();
  void stop();
  /// Somebody has just read the files, whatever came of it.
  void settle();

 private:
  void wait();
  void look();
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer_;
  std::function<std::vector<std::string>()> paths_;
  std::function<void()> changed_;
  ChangeDetector detector_;
};

}  // namespace homeostat::app
