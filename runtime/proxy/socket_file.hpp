// The file of a listening Unix socket: who may take its place, and its removal.
//
// A file nobody listens on is left over from a crash and makes way; any other file
// stays. At a clean stop the agent removes its file, unless somebody else's stands
// there by then.
// Thread safety: none, one owner; between processes by a lock on the folder.
#pragma once

#include <string>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {

/// Binds and listens at `path`, whose `address` this is; false with errno.
[[nodiscard]] bool listen_unix(int descriptor, const SocketAddress& address,
                               const std::string& path);

/// True if something other than a socket stands there.
[[nodiscard]] bool is_other_file(const std::string& path) noexcept;

/// Removes the file with itself, if it is still the one of its making.
class SocketFile {
 public:
  /// Right after listen_unix().
  explicit SocketFile(std::string path);
  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

 private:
  [[nodiscard]] bool still_ours() const noexcept;

  std::string path_;
  int descriptor_;  ///< of the file: while it is open no other file gets its number
};

}  // namespace homeostat::proxy
