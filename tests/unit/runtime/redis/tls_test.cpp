#include <gtest/gtest.h>

#include "tests/support/child_process.hpp"
#include "tests/unit/runtime/redis/redis_fixture.hpp"

namespace homeostat::redis {
namespace {

/// A certificate of its own authority, for 127.0.0.1 and localhost.
class Certificate {
 public:
  Certificate() {
    test::ChildProcess openssl({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                                "2", "-subj", "/CN=localhost", "-addext",
                                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key(),
                                "-out", file()});
    EXPECT_EQ(openssl.wait_for_exit(), 0) << openssl.output();
  }
  [[nodiscard]] std::string file() const { return directory_.path() + "/certificate.pem"; }
  [[nodiscard]] std::string key() const { return directory_.path() + "/key.pem"; }
  [[nodiscard]] std::vector<std::string> server_options(std::uint16_t port) const {
    return {"--tls-port",         std::to_string(port),
            "--tls-cert-file",    file(),
            "--tls-key-file",     key(),
            "--tls-ca-cert-file", file(),
            "--tls-auth-clients", "optional"};
  }

 private:
  test::TemporaryDirectory directory_;
};

struct SecureServer {
  Certificate certificate;
  test::HeldPort port;
  test::RedisServer server{certificate.server_options(port.port())};

  [[nodiscard]] config::RedisSettings settings() const {
    config::RedisSettings settings = settings_for({port.port()});
    settings.servers.front().tls = true;
    settings.tls.ca_file = certificate.file();
    return settings;
  }
};

TEST(RedisTls, SpeaksTlsAndChecksTheName) {
  SecureServer secure;
  config::RedisSettings settings = secure.settings();
  std::string error;
  const auto tls = TlsContext::make(settings.tls, error);
  ASSERT_TRUE(tls) << error;
  RunningClient running(settings, tls);
  ASSERT_TRUE(running.run_until_up()) << running.client().trouble();
  const std::string value(2 * 1024 * 1024, 'v');
  EXPECT_TRUE(running.call("k", {"SET", "k", value}).ok());
  EXPECT_EQ(running.call("k", {"GET", "k"}).reply.text, value);
}

TEST(RedisTls, RefusesACertificateOfAnotherName) {
  SecureServer secure;
  config::RedisSettings settings = secure.settings();
  settings.tls.server_name = "redis.example";
  std::string error;
  RunningClient running(settings, TlsContext::make(settings.tls, error));
  ASSERT_TRUE(running.run_until([&] { return running.counters.connection_failures > 0; }));
  EXPECT_FALSE(running.client().up());
  EXPECT_NE(running.client().trouble().find("verify"), std::string::npos)
      << running.client().trouble();
}

TEST(RedisTls, RefusesAnUnknownAuthority) {
  SecureServer secure;
  const Certificate other;
  config::RedisSettings settings = secure.settings();
  settings.tls.ca_file = other.file();
  std::string error;
  RunningClient running(settings, TlsContext::make(settings.tls, error));
  ASSERT_TRUE(running.run_until([&] { return running.counters.connection_failures > 0; }));
  EXPECT_FALSE(running.client().up());
}

TEST(RedisTls, NamesTheFileThatCannotBeUsed) {
  config::RedisTlsSettings settings;
  settings.ca_file = "/nowhere/ca.pem";
  std::string error;
  EXPECT_EQ(TlsContext::make(settings, error), nullptr);
  EXPECT_NE(error.find("/nowhere/ca.pem"), std::string::npos) << error;
}

}  // namespace
}  // namespace homeostat::redis
