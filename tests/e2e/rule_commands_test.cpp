// What operators and viewers do with rules through the management API, and files that
// change under a running agent.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "config/loader.hpp"
#include "runtime/app/agent.hpp"
#include "tests/e2e/running_agent.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* operator_secret = "operator-secret-0123456789";
constexpr const char* viewer_secret = "viewer-secret-0123456789";

Message ask(std::uint16_t port, const std::string& method, const std::string& target,
            const std::string& token, const std::string& body) {
  HttpClient client(port);
  const std::string head =
      method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n";
  if (!client.send(head + body)) return {};
  return client.read();
}

TEST(SentRules, TellAViewerNothingOfTheEnvironment) {
  ASSERT_EQ(::setenv("HOMEOSTAT_ADMIN_TOKEN", operator_secret, 1), 0);
  ScriptedOrigin origin;
  AgentConfig config = config_for(origin);
  config.admin = std::string("tokens: [{name: ops, role: operator, secret: ") + operator_secret +
                 "}, {name: looker, role: viewer, secret: " + viewer_secret + "}]";
  RunningAgent agent(config);
  for (const char* name : {"${HOMEOSTAT_ADMIN_TOKEN}", "${HOMEOSTAT_ADMIN_TOKEN:-none}"}) {
    const Message answer =
        ask(agent.admin_port(), "POST", "/api/v1/rules/replay", viewer_secret,
            std::string(R"({"signals":"time,cpu.utilization\n1,0.5\n","rules":"rules: [{name: ')") +
                name + R"(', when: cpu.utilization > 1%, then: [throttle: ]}]"})");
    EXPECT_EQ(answer.status(), 422) << answer.body;
    EXPECT_FALSE(contains(answer.body, operator_secret)) << answer.body;
    EXPECT_TRUE(contains(answer.body, "is replaced in files only")) << answer.body;
  }
  ::unsetenv("HOMEOSTAT_ADMIN_TOKEN");
}

TEST(RuleOverride, HoldsOverAReloadAndIsTakenBack) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  const std::string path = directory.write("rules.yaml", R"(rules:
  - {name: always, when: "cpu.utilization >= 0%", no_data: fire, then: [throttle: {to: 50%}]}
)");
  AgentConfig config = config_for(origin);
  config.optimization = "rules: [\"" + path + "\"], interval: 100ms";
  RunningAgent agent(config);
  const auto rule = [&] {
    return boost::json::parse(agent.admin("GET", "/api/v1/rules").body).at("rules").at(0);
  };
  const auto put = [&](const std::string& body) {
    return agent.admin("PUT", "/api/v1/rules/always", body).status();
  };
  const auto acts = [&] { return contains(agent.status(), R"("name": "always")"); };
  ASSERT_TRUE(eventually(acts)) << agent.status();
  EXPECT_EQ(put(R"({"override":{"for":"soon"},"reason":"test"})"), 422);
  EXPECT_EQ(put(R"({"override":{"dry_run":true,"hold":"5m"},"reason":"test"})"), 202);
  EXPECT_TRUE(eventually([&] { return !acts(); })) << agent.status();
  EXPECT_EQ(agent.admin("POST", "/api/v1/rules/reload").status(), 200);
  EXPECT_TRUE(eventually([&] { return rule().at("override").is_object(); }));
  EXPECT_EQ(rule().at("override").at("hold"), "5m");
  EXPECT_EQ(rule().at("hold_seconds").to_number<double>(), 300);
  EXPECT_EQ(put(R"({"override":null,"enabled":true,"reason":"test"})"), 202);
  EXPECT_TRUE(eventually([&] {
    return rule().at("override").is_null() && rule().at("switched_by_command").is_bool();
  }));
  EXPECT_TRUE(eventually(acts)) << agent.status();
}

/// An agent that reads a file, as the program does.
class FromFile {
 public:
  explicit FromFile(const std::string& path)
      : agent_(loaded(path), [path] { return config::load_file(path, {}); }) {
    EXPECT_EQ(agent_.start(false), "");
    thread_ = std::thread([this] { agent_.run(); });
  }
  ~FromFile() {
    agent_.stop();
    thread_.join();
  }
  FromFile(const FromFile&) = delete;
  FromFile& operator=(const FromFile&) = delete;

  [[nodiscard]] std::string rules() { return get("/api/v1/rules"); }
  [[nodiscard]] std::string metrics() { return get("/metrics"); }

 private:
  static config::Settings loaded(const std::string& path) {
    config::LoadResult result = config::load_file(path, {});
    EXPECT_TRUE(result.ok()) << config::format(result.diagnostics);
    return std::move(*result.settings);
  }
  std::string get(const std::string& target) {
    return ask(agent_.admin_address().port, "GET", target, "none", "").body;
  }

  app::Agent agent_;
  std::thread thread_;
};

std::string file_config(const ScriptedOrigin& origin, const std::string& more = "") {
  return "listen: 127.0.0.1:0\nupstream: {url: \"" + origin.url() +
         "\"}\nadmin: {listen: 127.0.0.1:0}\nlog: {level: error}\n"
         "optimization: {rules: [rules/*.yaml]}\n" +
         more;
}

std::string rule_file(const std::string& name) {
  return "rules: [{name: " + name + ", when: cpu.utilization > 99%, then: [throttle: ]}]\n";
}

TEST(ChangedFiles, AreReloadedWhetherWrittenReplacedOrAdded) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/rules");
  (void)directory.write("rules/a.yaml", rule_file("first"));
  FromFile agent(directory.write("agent.yaml", file_config(origin)));
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"first\""); }));
  (void)directory.write("rules/a.yaml", rule_file("written"));
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"written\""); }));
  std::filesystem::rename(directory.write("new.yaml", rule_file("renamed")),
                          directory.path() + "/rules/a.yaml");
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"renamed\""); }));
  (void)directory.write("rules/b.yaml", rule_file("added"));
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"added\""); }));
  EXPECT_TRUE(contains(agent.metrics(),
                       R"(homeostat_config_reload_causes_total{cause="file",result="applied"} 3)"))
      << agent.metrics();
}

TEST(ChangedFiles, AreNoticedBehindTheLinksOfAConfigMap) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  const std::string root = directory.path();
  std::filesystem::create_directories(root + "/v1/rules");
  std::filesystem::create_directories(root + "/v2/rules");
  (void)directory.write("v1/agent.yaml", file_config(origin));
  (void)directory.write("v1/rules/a.yaml", rule_file("first"));
  (void)directory.write("v2/agent.yaml", file_config(origin));
  (void)directory.write("v2/rules/a.yaml", rule_file("second"));
  std::filesystem::create_symlink("v1", root + "/..data");
  std::filesystem::create_symlink("..data/agent.yaml", root + "/agent.yaml");
  std::filesystem::create_symlink("..data/rules", root + "/rules");
  FromFile agent(root + "/agent.yaml");
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"first\""); }));
  std::filesystem::create_symlink("v2", root + "/..data_tmp");
  std::filesystem::rename(root + "/..data_tmp", root + "/..data");
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"second\""); }));
}

TEST(ChangedFiles, ThatAreBadChangeNothingUntilTheyAreMended) {
  ScriptedOrigin origin;
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/rules");
  (void)directory.write("rules/a.yaml", rule_file("first"));
  FromFile agent(directory.write("agent.yaml", file_config(origin)));
  (void)directory.write("rules/a.yaml", "rules: [{name: bad, when: nothing}]\n");
  const std::string refused =
      R"(homeostat_config_reload_causes_total{cause="file",result="refused"} )";
  EXPECT_TRUE(eventually([&] { return contains(agent.metrics(), refused + "1"); }));
  EXPECT_TRUE(contains(agent.rules(), "\"first\""));
  (void)directory.write("rules/a.yaml", rule_file("mended"));
  EXPECT_TRUE(eventually([&] { return contains(agent.rules(), "\"mended\""); }));
  EXPECT_TRUE(contains(agent.metrics(), refused + "1")) << "told once";
}

}  // namespace
}  // namespace homeostat::test
