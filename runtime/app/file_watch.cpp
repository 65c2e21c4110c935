#include "runtime/app/file_watch.hpp"

#include <sys/stat.h>

#include <functional>
#include <utility>
#include <variant>

#include "config/files.hpp"
#include "config/rule_loader.hpp"

namespace homeostat::app {
namespace {

std::int64_t nanoseconds_of(const timespec& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileState state_of(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {true,
          static_cast<std::uint64_t>(status.st_dev),
          static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size),
          nanoseconds_of(status.st_mtim),
          nanoseconds_of(status.st_ctim)};
}

FileStates states_of(const std::vector<std::string>& paths) {
  FileStates states;
  for (const std::string& path : paths) {
    if (!config::has_wildcard(path)) {
      states[path] = state_of(path);
      continue;
    }
    FileState matched;
    auto found = config::expand_glob(path, config::rule_files_max);
    if (const auto* files = std::get_if<std::vector<std::string>>(&found)) {
      std::string names;
      for (const std::string& file : *files) {
        states[file] = state_of(file);
        names += file + '\n';
      }
      matched.exists = true;
      matched.size = files->size();
      matched.inode = std::hash<std::string>{}(names);
    }
    states[path] = matched;
  }
  return states;
}

bool ChangeDetector::look(FileStates now) {
  for (FileStates* before : {&known_, &seen_}) {
    std::erase_if(*before, [&now](const auto& entry) { return !now.contains(entry.first); });
    before->insert(now.begin(), now.end());
  }
  const bool at_rest = now == seen_;
  seen_ = std::move(now);
  if (!at_rest || seen_ == known_) return false;
  known_ = seen_;
  return true;
}

void ChangeDetector::settle(FileStates now) {
  seen_ = now;
  known_ = std::move(now);
}

FileWatch::FileWatch(boost::asio::io_context& context,
                     std::function<std::vector<std::string>()> paths, std::function<void()> changed)
    : timer_(context), paths_(std::move(paths)), changed_(std::move(changed)) {}

void FileWatch::start() {
  settle();
  wait();
}

void FileWatch::stop() { timer_.cancel(); }

void FileWatch::settle() { detector_.settle(states_of(paths_())); }

void FileWatch::wait() {
  timer_.expires_after(period);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    look();
    wait();
  });
}

void FileWatch::look() {
  if (detector_.look(states_of(paths_()))) changed_();
}

}  // namespace homeostat::app
