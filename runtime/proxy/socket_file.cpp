#include "runtime/proxy/socket_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "runtime/proxy/listener.hpp"

namespace homeostat::proxy {
namespace {

/// Keeps others from replacing a socket file between a look and the deed. A lock
/// on the folder leaves no file behind; one that cannot be had, as anybody who may read the
/// folder can hold it, is done without after a second.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path) {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; descriptor_ >= 0 && i < tries_max; ++i) {
      if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) break;
      ::poll(nullptr, 0, pause_ms);
    }
  }
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  static constexpr int tries_max = 50;
  static constexpr int pause_ms = 20;

  int descriptor_ = -1;
};

/// A socket file nobody listens on is left over from a crash.
void remove_stale_socket(const SocketAddress& address, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  // Not to wait for one that listens and accepts nobody: it is in use.
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  if (::connect(probe, address.get(), address.length) != 0 && errno == ECONNREFUSED) {
    ::unlink(path.c_str());
  }
  ::close(probe);
}

}  // namespace

bool listen_unix(int descriptor, const SocketAddress& address, const std::string& path) {
  const FolderLock lock(path);
  remove_stale_socket(address, path);
  return ::bind(descriptor, address.get(), address.length) == 0 &&
         ::listen(descriptor, listen_backlog) == 0;
}

bool is_other_file(const std::string& path) noexcept {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode);
}

SocketFile::SocketFile(std::string path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

SocketFile::~SocketFile() {
  if (descriptor_ < 0) return;
  {
    const FolderLock lock(path_);
    if (still_ours()) ::unlink(path_.c_str());
  }
  ::close(descriptor_);
}

bool SocketFile::still_ours() const noexcept {
  struct stat made {};
  struct stat now {};
  return ::fstat(descriptor_, &made) == 0 && ::lstat(path_.c_str(), &now) == 0 &&
         now.st_dev == made.st_dev && now.st_ino == made.st_ino;
}

}  // namespace homeostat::proxy
