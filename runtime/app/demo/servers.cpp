#include "runtime/app/demo/servers.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "runtime/app/demo/agent_config.hpp"
#include "runtime/app/demo/fetch.hpp"

namespace homeostat::demo {

namespace {

constexpr Duration look_every = std::chrono::milliseconds(20);
constexpr int looks_max = 750;  // 15 s: a loaded machine may be slow to start a process

std::string own_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string("/proc/self/exe") : path.string();
}

/// The port of "127.0.0.1:8080, more text".
std::uint16_t port_in(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return 0;
  std::uint16_t port = 0;
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  return port;
}

/// Waits until the child's log names a port after the marker.
std::string wait_for_port(EventLoop& loop, ChildProcess& process, const std::string& what,
                          const std::string& marker, std::uint16_t& port) {
  int looks = 0;
  std::string error;
  const bool found = loop.run(look_every, [&] {
    const auto text = process.logged(marker);
    port = text ? port_in(*text) : std::uint16_t{0};
    if (port != 0) {
      loop.finish();
    } else if (!process.running()) {
      error = fmt::format("the {} ended while starting ({}):\n{}", what, process.end(),
                          process.log_tail());
    } else if (++looks >= looks_max) {
      error = fmt::format("the {} did not say where it listens:\n{}", what, process.log_tail());
    }
    return error.empty();
  });
  if (found) return {};
  return error.empty() ? "interrupted" : error;
}

bool write_file(const std::string& path, const std::string& content) {
  std::ofstream stream(path, std::ios::binary);
  stream << content;
  return static_cast<bool>(stream.flush());
}

}  // namespace

WorkDirectory::WorkDirectory()
    : path_((std::filesystem::temp_directory_path() / "homeostat-demo-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error(fmt::format("cannot create {}: {}", path_, std::strerror(errno)));
  }
}

WorkDirectory::~WorkDirectory() {
  std::error_code ignored;
  if (!keep_) std::filesystem::remove_all(path_, ignored);
}

std::string ApplicationServer::start(EventLoop& loop, const WorkDirectory& directory,
                                     unsigned workers) {
  std::string error = process_.start({own_program(), "demo", "--role", "app", "--listen",
                                      "127.0.0.1:0", "--workers", std::to_string(workers)},
                                     directory.file("application.log"));
  if (!error.empty()) return error;
  if (!write_file(directory.file("application.pid"), fmt::format("{}\n", process_.pid()))) {
    return "cannot write to " + directory.path();
  }
  return wait_for_port(loop, process_, "sample application", "listening on ", port_);
}

std::optional<double> ApplicationServer::counter(const std::string& name) const {
  const auto stats = fetch_json(port_, "/stats");
  if (!stats) return std::nullopt;
  return number_at(*stats, "/" + name);
}

std::string AgentServer::start(EventLoop& loop, const WorkDirectory& directory,
                               ApplicationServer& application) {
  const std::string rules = directory.file("rules.yaml");
  const std::string config = directory.file("homeostat.yaml");
  const std::string pid_file = directory.file("application.pid");
  if (!write_file(rules, agent_rules()) ||
      !write_file(config, agent_config(application.port(), rules, pid_file))) {
    return "cannot write to " + directory.path();
  }
  std::string error =
      process_.start({own_program(), "run", "--config", config}, directory.file("agent.log"));
  if (error.empty()) error = wait_for_port(loop, process_, "agent", "serving on ", port_);
  if (error.empty()) error = wait_for_port(loop, process_, "agent", "management on ", admin_port_);
  return error;
}

void AgentServer::stop(EventLoop& loop) {
  constexpr int patience = 100;  // looks: 2 s
  process_.terminate();
  int looks = 0;
  const bool ended = loop.run(look_every, [&] {
    if (!process_.running()) loop.finish();
    return ++looks < patience;
  });
  if (!ended) process_.kill_now();
}

}  // namespace homeostat::demo
