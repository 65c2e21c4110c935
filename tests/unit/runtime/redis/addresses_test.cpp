// A name with several addresses. The C library is asked for addresses here, so that one name has
// those that a test gives it.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <string_view>
#include <vector>

#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace {

constexpr const char* many_addresses = "several.test";
std::vector<std::uint16_t>& ports_of_name() {
  static std::vector<std::uint16_t> ports;
  return ports;
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  static const auto real =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || std::string_view(name) != many_addresses) {
    return real(name, service, hints, found);
  }
  // freeaddrinfo() frees a chain whoever made it.
  for (addrinfo** next = found; const std::uint16_t port : ports_of_name()) {
    if (const int error = real("127.0.0.1", std::to_string(port).c_str(), hints, next))
      return error;
    while (*next != nullptr) next = &(*next)->ai_next;
  }
  return 0;
}

namespace homeostat::redis {
namespace {

config::RedisSettings settings_for_name(std::vector<std::uint16_t> ports) {
  ports_of_name() = std::move(ports);
  config::RedisSettings settings = settings_for({1});
  settings.servers.front().address.host = many_addresses;
  return settings;
}

TEST(RedisAddresses, OneThatIsSilentKeepsNobodyFromTheNext) {
  const test::UnansweringPort silent;
  const test::RedisServer server;
  RunningClient running(settings_for_name({silent.port(), server.port()}));
  ASSERT_TRUE(running.run_until_up()) << running.client().trouble();
  EXPECT_EQ(running.counters.connection_failures, 0U) << "at the first attempt";
}

TEST(RedisAddresses, OneThatRefusesKeepsNobodyFromTheNext) {
  const test::HeldPort refusing;
  const test::RedisServer server;
  RunningClient running(settings_for_name({refusing.port(), server.port()}));
  ASSERT_TRUE(running.run_until_up()) << running.client().trouble();
  EXPECT_EQ(running.counters.connection_failures, 0U);
}

TEST(RedisAddresses, AllThatAreSilentFailInTime) {
  const test::UnansweringPort first, second;
  config::RedisSettings settings = settings_for_name({first.port(), second.port()});
  settings.connect_timeout = std::chrono::milliseconds(100);
  RunningClient running(settings);
  ASSERT_TRUE(running.run_until([&] { return running.counters.connection_failures >= 2; }));
  EXPECT_FALSE(running.client().up());
}

}  // namespace
}  // namespace homeostat::redis
