// The story's two servers, each in a process of its own: start, wait until it
// serves, end.
//
// Both are this very program, started again. Errors are messages; empty = fine.
// Thread safety: none; use from the story's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/app/demo/child_process.hpp"
#include "runtime/app/demo/event_loop.hpp"

namespace homeostat::demo {

/// A new directory under the system's temporary one, removed with its content.
class WorkDirectory {
 public:
  WorkDirectory();  ///< throws std::runtime_error
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Keeps it, for whoever wants to read the logs.
  void keep() noexcept { keep_ = true; }

 private:
  std::string path_;
  bool keep_ = false;
};

class ApplicationServer {
 public:
  [[nodiscard]] std::string start(EventLoop& loop, const WorkDirectory& directory,
                                  unsigned workers);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] ChildProcess& process() noexcept { return process_; }
  /// One of its own counters; nothing if it does not answer.
  [[nodiscard]] std::optional<double> counter(const std::string& name) const;

 private:
  ChildProcess process_;
  std::uint16_t port_ = 0;
};

class AgentServer {
 public:
  [[nodiscard]] std::string start(EventLoop& loop, const WorkDirectory& directory,
                                  ApplicationServer& application);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const noexcept { return admin_port_; }
  [[nodiscard]] ChildProcess& process() noexcept { return process_; }
  /// SIGTERM, a moment to drain, then SIGKILL.
  void stop(EventLoop& loop);

 private:
  ChildProcess process_;
  std::uint16_t port_ = 0, admin_port_ = 0;
};

}  // namespace homeostat::demo
