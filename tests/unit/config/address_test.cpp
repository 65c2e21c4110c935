#include "config/address.hpp"

#include <gtest/gtest.h>

namespace homeostat::config {
namespace {

Address address(std::string_view text) {
  auto parsed = parse_listen_address(text);
  EXPECT_TRUE(std::holds_alternative<Address>(parsed)) << text;
  return std::holds_alternative<Address>(parsed) ? std::get<Address>(parsed) : Address{};
}

std::string listen_error(std::string_view text) {
  auto parsed = parse_listen_address(text);
  return std::holds_alternative<Address>(parsed) ? "no error" : std::get<UnitError>(parsed).message;
}

std::string upstream_error(std::string_view text) {
  auto parsed = parse_upstream(text);
  return std::holds_alternative<UpstreamTarget>(parsed) ? "no error"
                                                        : std::get<UnitError>(parsed).message;
}

TEST(ListenAddress, ReadsEveryForm) {
  EXPECT_EQ(address("127.0.0.1:8080"), (Address{"127.0.0.1", 8080, {}}));
  EXPECT_EQ(address("[::1]:80"), (Address{"::1", 80, {}}));
  EXPECT_EQ(address("localhost:0"), (Address{"localhost", 0, {}}));
  EXPECT_EQ(address("unix:/run/h.sock"), (Address{{}, 0, "/run/h.sock"}));
}

TEST(ListenAddress, AnEmptyHostIsEveryInterface) {
  EXPECT_EQ(address(":8080"), (Address{{}, 8080, {}}));
  EXPECT_EQ(address("*:8080"), (Address{{}, 8080, {}}));
  EXPECT_FALSE(is_loopback(address(":8080")));
}

TEST(ListenAddress, SaysWhatIsWrong) {
  EXPECT_EQ(listen_error("8080"), "not an IPv4 address");
  EXPECT_EQ(listen_error("127.0.0.1"), "the port is missing");
  EXPECT_EQ(listen_error("::1:8080"), "an IPv6 address is written in brackets: [::1]:8080");
  EXPECT_EQ(listen_error("[::g]:1"), "not an IPv6 address between the brackets");
  EXPECT_EQ(listen_error("[::1:1"), "`[` without its `]`");
  EXPECT_EQ(listen_error("1.2.3.400:1"), "not an IPv4 address");
  EXPECT_EQ(listen_error("a b:1"), "not a host name or IP address");
  EXPECT_EQ(listen_error("127.0.0.1:65536"), "the port must be a number from 0 to 65535");
  EXPECT_EQ(listen_error("127.0.0.1:-1"), "the port must be a number from 0 to 65535");
  EXPECT_EQ(listen_error("unix:run/x"),
            "a Unix socket needs an absolute path: unix:/run/name.sock");
  EXPECT_EQ(listen_error("unix:/" + std::string(107, 'x')),
            "a Unix socket path has at most 107 bytes");
  EXPECT_NE(listen_error("http://127.0.0.1:1"), "no error");
  EXPECT_EQ(listen_error(""), "the host is missing");
}

TEST(ListenAddress, IsPrintedAsItIsRead) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:80", "unix:/run/h.sock", ":8080"}) {
    EXPECT_EQ(to_string(address(text)), text);
  }
}

TEST(Loopback, IsWhatOtherMachinesCannotReach) {
  EXPECT_TRUE(is_loopback(address("127.0.0.1:1")));
  EXPECT_TRUE(is_loopback(address("127.8.8.8:1")));
  EXPECT_TRUE(is_loopback(address("[::1]:1")));
  EXPECT_TRUE(is_loopback(address("localhost:1")));
  EXPECT_TRUE(is_loopback(address("unix:/run/x")));
  EXPECT_FALSE(is_loopback(address("0.0.0.0:1")));
  EXPECT_FALSE(is_loopback(address("[::]:1")));
  EXPECT_FALSE(is_loopback(address("10.0.0.1:1")));
  EXPECT_FALSE(is_loopback(address("localhost.example.com:1")));
}

TEST(Upstream, ReadsHostPortAndSocket) {
  const auto tcp = std::get<UpstreamTarget>(parse_upstream("http://app.internal:9000/"));
  EXPECT_EQ(tcp.address, (Address{"app.internal", 9000, {}}));
  EXPECT_EQ(tcp.host_header, "app.internal:9000");
  const auto standard = std::get<UpstreamTarget>(parse_upstream("http://[::1]"));
  EXPECT_EQ(standard.address, (Address{"::1", 80, {}}));
  const auto socket = std::get<UpstreamTarget>(parse_upstream("unix:/run/app.sock"));
  EXPECT_EQ(socket.address.unix_path, "/run/app.sock");
  EXPECT_EQ(socket.host_header, "localhost");
}

TEST(Upstream, SaysWhatIsWrong) {
  EXPECT_EQ(upstream_error("https://a:1"), "https is not available in this version; use http://");
  EXPECT_EQ(upstream_error("a:1"), "not a URL; write http://host:port or unix:/path");
  EXPECT_EQ(upstream_error("http://a/x"), "an upstream has no path; requests keep their own");
  EXPECT_EQ(upstream_error("http://u:p@a"), "a user in a URL is not supported");
  EXPECT_EQ(upstream_error("http://a:0"), "port 0 cannot be connected to");
  EXPECT_EQ(upstream_error("http://"), "the host is missing");
}

TEST(RedisUrl, ReadsHostDatabaseTlsAndSocket) {
  const auto plain = std::get<RedisServer>(parse_redis_url("redis://cache.internal"));
  EXPECT_EQ(plain.address, (Address{"cache.internal", 6379, {}}));
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.database, 0U);
  const auto secure = std::get<RedisServer>(parse_redis_url("rediss://[::1]:7000/3"));
  EXPECT_EQ(secure.address, (Address{"::1", 7000, {}}));
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.database, 3U);
  EXPECT_EQ(std::get<RedisServer>(parse_redis_url("unix:/run/redis.sock")).address.unix_path,
            "/run/redis.sock");
  EXPECT_EQ(std::get<RedisServer>(parse_redis_url("redis://a:1/")).database, 0U);
}

TEST(Url, IsRedactedToItsHost) {
  EXPECT_EQ(redacted_url("http://hooks.example/T0/B0/secret?x=1"), "http://hooks.example/***");
  EXPECT_EQ(redacted_url("redis://user:pass@host:6379/0"), "redis://host:6379/***");
  EXPECT_EQ(redacted_url("http://a:9093"), "http://a:9093");
  EXPECT_EQ(redacted_url("http://a/"), "http://a");
  EXPECT_EQ(redacted_url("http://a?token=1"), "http://a/***");
}

TEST(Url, AcceptsWhatCanBeCalled) {
  EXPECT_FALSE(check_http_url("http://127.0.0.1:9093/api?x=1"));
  EXPECT_TRUE(check_http_url("http://a/b c"));
  EXPECT_TRUE(check_http_url("http://a/b#c"));
  EXPECT_TRUE(check_http_url("ftp://a"));
  EXPECT_TRUE(check_http_url("http://a/" + std::string(3000, 'x')));
}

}  // namespace
}  // namespace homeostat::config
