#include "tests/support/redis_server.hpp"

#include <signal.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace homeostat::test {
namespace {

constexpr int attempts_max = 1000;
constexpr int bus_offset = 10000;
constexpr int port_max = 65535;

}  // namespace

HeldRedisPort::HeldRedisPort() {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto one = std::make_unique<HeldPort>();
    // Above, there is no room for a cluster's bus: it is the bus of the one below then.
    const bool lower = one->port() <= port_max - bus_offset;
    const int other = lower ? one->port() + bus_offset : one->port() - bus_offset;
    try {
      auto two = std::make_unique<HeldPort>(static_cast<std::uint16_t>(other));
      port_ = std::move(lower ? one : two);
      bus_ = std::move(lower ? two : one);
      return;
    } catch (const std::system_error&) {
      continue;  // somebody has it
    }
  }
  throw std::runtime_error("no free port");
}

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  launch();
}

RedisServer::~RedisServer() {
  if (process_) resume();  // so that it can end
}

void RedisServer::launch() {
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        std::to_string(port()),
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
  if (process_->wait_for_line("eady to accept connections")) return;
  const std::string output = process_->output();
  process_.reset();
  throw std::runtime_error("redis-server did not start:\n" + output);
}

void RedisServer::kill() {
  process_->signal(SIGKILL);
  static_cast<void>(process_->wait_for_exit());
  process_.reset();
}

void RedisServer::restart() { launch(); }

std::string RedisServer::url() const { return "redis://127.0.0.1:" + std::to_string(port()); }

std::string RedisServer::password() const {
  const auto found = std::find(options_.begin(), options_.end(), "--requirepass");
  return found == options_.end() ? std::string() : *std::next(found);
}

std::string RedisServer::run(const std::vector<std::string>& arguments) const {
  const auto tls = std::find(options_.begin(), options_.end(), "--tls-port");
  if (tls != options_.end()) return RedisClient(unix_path()).run(arguments);
  return RedisClient(port(), password()).run(arguments);
}

}  // namespace homeostat::test
