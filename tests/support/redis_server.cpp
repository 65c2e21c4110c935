#include "tests/support/redis_server.hpp"

#include <signal.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/socket.hpp"

namespace homeostat::test {
namespace {

constexpr int attempts_max = 20;
constexpr unsigned bus_offset = 10000;

}  // namespace

std::uint16_t free_port() {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const ListeningSocket probe;
    if (probe.port() + bus_offset <= 65535) return probe.port();
    // Ports above 55535 have no room for a cluster's bus: try those below as they are.
    const auto lower = static_cast<std::uint16_t>(probe.port() - bus_offset);
    try {
      const ListeningSocket other({}, lower);
      return lower;
    } catch (const std::system_error&) {
      continue;
    }
  }
  throw std::runtime_error("no free port");
}

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    port_ = free_port();
    if (launch()) return;
  }
  throw std::runtime_error("redis-server did not start");
}

RedisServer::~RedisServer() {
  if (process_) resume();  // so that it can end
}

bool RedisServer::launch() {
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        std::to_string(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--save",
                                        "",
                                        "--dir",
                                        directory_.path(),
                                        "--unixsocket",
                                        unix_path(),
                                        "--enable-debug-command",
                                        "yes"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  process_ = std::make_unique<ChildProcess>(std::move(arguments));
  if (process_->wait_for_line("eady to accept connections")) return true;
  const std::string output = process_->output();
  process_.reset();
  if (output.find("Address already in use") == std::string::npos) {
    throw std::runtime_error("redis-server did not start:\n" + output);
  }
  return false;
}

void RedisServer::kill() {
  process_->signal(SIGKILL);
  static_cast<void>(process_->wait_for_exit());
  process_.reset();
}

void RedisServer::restart() {
  if (!launch()) throw std::runtime_error("the port was taken meanwhile");
}

std::string RedisServer::url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

std::string RedisServer::password() const {
  const auto found = std::find(options_.begin(), options_.end(), "--requirepass");
  return found == options_.end() ? std::string() : *std::next(found);
}

std::string RedisServer::run(const std::vector<std::string>& arguments) const {
  const auto tls = std::find(options_.begin(), options_.end(), "--tls-port");
  if (tls != options_.end()) return RedisClient(unix_path()).run(arguments);
  return RedisClient(port_, password()).run(arguments);
}

}  // namespace homeostat::test
