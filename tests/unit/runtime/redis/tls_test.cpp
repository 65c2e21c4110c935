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
  /// Of a client of servers that speak TLS at these ports.
  [[nodiscard]] config::RedisSettings settings(const std::vector<std::uint16_t>& ports) const {
    config::RedisSettings settings = settings_for(ports);
    for (config::RedisServer& server : settings.servers) server.tls = true;
    settings.tls.ca_file = file();
    return settings;
  }

 private:
  test::TemporaryDirectory directory_;
};

std::vector<std::string> operator+(std::vector<std::string> one,
                                   const std::vector<std::string>& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

struct SecureServer {
  explicit SecureServer(const Certificate& its, const std::vector<std::string>& options = {})
      : certificate(its), server(its.server_options(port.port()) + options) {}

  const Certificate& certificate;
  test::HeldRedisPort port;
  test::RedisServer server;

  [[nodiscard]] config::RedisSettings settings() const {
    return certificate.settings({port.port()});
  }
  /// A user who may set keys, and what a client needs beside that.
  void add_user(const char* name, const std::string& needed) const {
    ASSERT_EQ(server.run({"ACL", "SETUSER", name, "on", std::string(">") + secret, "~*", "+ping",
                          "+set", needed}),
              "OK");
  }
  static constexpr const char* secret = "long-enough-a-secret";
};

TEST(RedisTls, SpeaksTlsAndChecksTheName) {
  const Certificate certificate;
  const SecureServer secure(certificate);
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
  const Certificate certificate;
  const SecureServer secure(certificate);
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
  const Certificate certificate;
  const SecureServer secure(certificate);
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

/// That sentinels, too, are asked over TLS, and that the master they name is.
TEST(RedisTls, LogsInAtSentinelsAndAtTheirMaster) {
  const Certificate certificate;
  const SecureServer master(certificate);
  master.add_user("agent", "+role");
  const test::HeldPort port;
  const test::TemporaryDirectory directory;
  const std::string file = directory.write(
      "sentinel.conf",
      "port 0\ntls-port " + std::to_string(port.port()) + "\ntls-replication yes\ntls-cert-file " +
          certificate.file() + "\ntls-key-file " + certificate.key() + "\ntls-ca-cert-file " +
          certificate.file() + "\ntls-auth-clients optional\nbind 127.0.0.1\ndir " +
          directory.path() + "\nuser watcher on >" + SecureServer::secret +
          " +ping +sentinel|master +sentinel|get-master-addr-by-name\nsentinel monitor mymaster "
          "127.0.0.1 " +
          std::to_string(master.port.port()) + " 1\n");
  test::ChildProcess sentinel({"redis-server", file, "--sentinel"});
  ASSERT_TRUE(sentinel.wait_for_line("+monitor master")) << sentinel.output();
  config::RedisSettings settings = certificate.settings({port.port()});
  settings.topology = config::RedisTopology::sentinel;
  settings.master = "mymaster";
  settings.sentinel_user = "watcher";
  settings.sentinel_password = SecureServer::secret;
  settings.user = "agent";
  settings.password = SecureServer::secret;
  std::string error;
  RunningClient running(settings, TlsContext::make(settings.tls, error));
  ASSERT_TRUE(running.run_until_up()) << running.client().trouble() << sentinel.output();
  EXPECT_TRUE(running.call("k", {"SET", "k", "v"}).ok());
  EXPECT_TRUE(running.call("k", {"GET", "k"}).reply.is_error("NOPERM")) << "it is that user";
  EXPECT_EQ(master.server.run({"GET", "k"}), "v");
}

TEST(RedisTls, LogsInAtEveryServerOfACluster) {
  const Certificate certificate;
  const std::vector<std::string> options = {"--cluster-enabled", "yes", "--tls-cluster", "yes"};
  const SecureServer one(certificate, options), other(certificate, options);
  one.server.run({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
  other.server.run({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"});
  one.server.run({"CLUSTER", "MEET", "127.0.0.1", std::to_string(other.port.port())});
  for (const SecureServer* server : {&one, &other}) {
    server->add_user("agent", "+cluster|slots");
    ASSERT_TRUE(test::eventually([&] {
      const std::string state = server->server.run({"CLUSTER", "INFO"});
      return state.find("cluster_state:ok") != std::string::npos &&
             state.find("cluster_known_nodes:2") != std::string::npos;
    }));
  }
  config::RedisSettings settings = one.settings();
  settings.topology = config::RedisTopology::cluster;
  settings.user = "agent";
  settings.password = SecureServer::secret;
  std::string error;
  RunningClient running(settings, TlsContext::make(settings.tls, error));
  for (int i = 0; i < 10; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(running.call_until_ok(key, {"SET", key, "v"})) << running.client().trouble();
  }
  EXPECT_NE(one.server.run({"DBSIZE"}), "0");
  EXPECT_NE(other.server.run({"DBSIZE"}), "0");
}

}  // namespace
}  // namespace homeostat::redis
