// Everything at once over real sockets: clients that ask in every way and leave in
// every way, an origin that breaks off, purges, resizes and listings. Seeded and
// bounded; meant for ThreadSanitizer, too.
//
// What must hold: a 200 is exactly what the origin sent for that path and user (who is
// told apart by Vary, or by an answer that is no other's), a 206 a part of it, and neither
// is older than the last hard purge or PUT that had returned before it was asked for.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <list>
#include <optional>
#include <random>
#include <thread>

#include "tests/e2e/compression_support.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

constexpr std::size_t path_count = 24;
constexpr std::uint64_t seed = 20240607;
constexpr std::size_t range_first = 10, range_size = 191;  // bytes=10-200

void raise(std::atomic<unsigned>& bound, unsigned version) {
  unsigned known = bound;
  while (known < version && !bound.compare_exchange_weak(known, version)) {
  }
}

struct Resource {
  std::atomic<unsigned> version{1};
  std::atomic<unsigned> oldest{1};  ///< that a request may still be answered with
  std::atomic<unsigned> asked{0};
};

class MixedLoad : public testing::Test {
 protected:
  ScriptedOrigin origin_;
  std::array<Resource, path_count> resources_;
  std::atomic<int> wrong_{0}, whole_{0}, parts_{0};
  std::atomic<int> clients_{0};

  static std::string path_of(std::size_t index) { return "/page/" + std::to_string(index); }
  /// Whose page it is, without a word of it in Vary: nobody else may get it unasked.
  static bool personal(std::size_t index) { return index % 6 >= 4; }
  static bool varies(std::size_t index) { return index % 4 == 1; }
  static std::string body_of(std::size_t index, unsigned version, const std::string& user) {
    std::string body = path_of(index) + " version " + std::to_string(version);
    if (personal(index) || varies(index)) body += " for " + user;
    body += "\n";
    // A few are larger than a fill may be, and stream without being kept.
    const std::size_t size = index % 8 == 7 ? 700'000 : 200 + index * 1700;
    while (body.size() < size) body += "line " + std::to_string(body.size()) + "\n";
    return body;
  }

  void SetUp() override {
    for (std::size_t i = 0; i < path_count; ++i) {
      origin_.on(path_of(i), [this, i](OriginExchange& exchange) { answer(exchange, i); });
    }
  }
  void answer(OriginExchange& exchange, std::size_t index) {
    Resource& resource = resources_[index];
    const unsigned turn = ++resource.asked;
    if (exchange.request.method() == "PUT") {
      exchange.respond(204, "X-Version: " + std::to_string(++resource.version) + "\r\n", "");
      return;
    }
    const unsigned version = resource.version;
    const std::string user = exchange.request.get("x-a");
    const std::string body = body_of(index, version, user);
    const bool validated = index % 6 == 4;
    const bool tagged = index % 3 == 0 || validated;
    const std::string tag = "\"" + std::to_string(version) + (validated ? "-" + user : "") + "\"";
    std::string fields = type + "Surrogate-Key: page" + std::to_string(index) + "\r\n";
    fields += validated         ? "Cache-Control: no-cache\r\n"
              : personal(index) ? "Cache-Control: no-store\r\n"
                                : "Cache-Control: max-age=60\r\n";
    if (tagged) fields += "ETag: " + tag + "\r\n";
    if (varies(index)) fields += "Vary: X-A\r\n";
    if (tagged && contains(exchange.request.get("if-none-match"), tag)) {
      exchange.send("HTTP/1.1 304 Not Modified\r\n" + fields + "\r\n");
    } else if (turn % 13 == 12) {
      exchange.respond(500, "", "broken");
    } else if (turn % 11 == 10) {  // breaks off
      exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, body.size() / 2));
      exchange.alive = false;
    } else if (turn % 2 == 0) {
      exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n");
      for (std::size_t at = 0; at < body.size(); at += 9000) {
        const std::string piece = body.substr(at, 9000);
        std::array<char, 16> size{};
        std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
        exchange.send(size.data() + piece + "\r\n");
      }
      exchange.send("0\r\n\r\n");
    } else {
      exchange.respond(200, fields, body);
    }
  }

  void check(std::size_t index, unsigned oldest, const std::string& user, const Message& response) {
    const bool part = response.status() == 206;
    if ((response.status() != 200 && !part) || !response.complete) return;
    const bool packed = response.get("content-encoding") == "gzip";
    const std::string body = packed ? decoded(Coding::gzip, response.body) : response.body;
    const unsigned newest = resources_[index].version;
    ++(part ? parts_ : whole_);
    for (unsigned version = oldest; version <= newest; ++version) {
      const std::string whole = body_of(index, version, user);
      if (body == (part ? whole.substr(range_first, range_size) : whole)) return;
    }
    ++wrong_;
    ADD_FAILURE() << path_of(index) << " since " << oldest << ": " << response.head
                  << body.substr(0, 60);
  }

  /// Reads the head, and some of the body; never waits for more than there is.
  static void leave_inside(HttpClient& http, bool body) {
    const std::optional<Message> head = http.reader.read_head();
    if (!body || !head) return;
    const std::string length = head->get("content-length");
    const std::size_t most = length.empty() ? 1 : std::stoul(length);
    static_cast<void>(http.reader.read_exactly(std::min<std::size_t>(5000, most)));
  }

  void client(const RunningAgent& agent, std::uint64_t number, int requests) {
    std::mt19937_64 random(seed + number);
    std::list<HttpClient> connection;
    for (int i = 0; i < requests; ++i) {
      if (connection.empty()) connection.emplace_back(agent.port());
      HttpClient& http = connection.back();
      const std::size_t index = std::min(random() % path_count, random() % path_count);
      const unsigned oldest = resources_[index].oldest;
      std::string fields;
      if (random() % 3 == 0) fields += accept(Coding::gzip);
      const std::string user = random() % 2 == 0 ? std::to_string(random() % 3) : "";
      if (!user.empty()) fields += "X-A: " + user + "\r\n";
      if (random() % 9 == 0) fields += "Cache-Control: no-cache\r\n";
      if (random() % 9 == 0) fields += "Range: bytes=10-200\r\n";
      const unsigned way = static_cast<unsigned>(random() % 12);
      if (way < 8) {
        const Message response = http.get(path_of(index), fields);
        check(index, oldest, user, response);
        if (!response.complete || response.get("connection") == "close") connection.clear();
      } else if (way == 8) {
        const Message written = http.request("PUT", path_of(index), fields, "new");
        if (written.status() == 0) connection.clear();
        if (written.status() == 204) {
          raise(resources_[index].oldest,
                static_cast<unsigned>(std::stoul(written.get("x-version"))));
        }
      } else {  // leaves: at once, after the head, or after some of the body
        static_cast<void>(http.send(request_text("GET", path_of(index), fields)));
        if (way > 9) leave_inside(http, way > 10);
        http.socket.reset();
        connection.clear();
      }
    }
    --clients_;
  }

  void purge_hard(const RunningAgent& agent, std::size_t index) {
    Resource& resource = resources_[index];
    const unsigned next = ++resource.version;
    const std::string name = std::to_string(index);
    const std::string body = index % 2 == 0 ? R"({"tags":["page)" + name + "\"]}"
                                            : R"({"patterns":["/page/)" + name + "\"]}";
    if (agent.admin("POST", "/api/v1/cache/invalidate", body).status() == 200) {
      raise(resource.oldest, next);
    }
  }
  void disturb(const RunningAgent& agent) {
    std::mt19937_64 random(seed);
    const auto bound = [&] { return agent.metric("homeostat_cache_bytes_max"); };
    const auto memory = [&](const char* value) {
      const std::string target = "/api/v1/test/performance?metric=memory&for=5m&value=";
      ASSERT_LT(agent.admin("POST", target + value, "{}").status(), 300);
    };
    for (int round = 0; round < 2 || clients_ > 0; ++round) {
      memory("92");
      EXPECT_TRUE(eventually([&] {
        purge_hard(agent, random() % path_count);
        return bound() < 3e6;
      }));
      static_cast<void>(agent.admin("POST", "/api/v1/cache/invalidate",
                                    R"({"patterns":["/page/1*"],"mode":"soft"})"));
      static_cast<void>(agent.admin("GET", "/api/v1/cache/keys?limit=10"));
      memory("10");
      EXPECT_TRUE(eventually([&] {
        purge_hard(agent, random() % path_count);
        return bound() > 7e6;
      }));
      static_cast<void>(agent.admin("DELETE", "/api/v1/cache/flush?level=l1"));
    }
  }
};

TEST_F(MixedLoad, NothingIsEverServedThatTheOriginDidNotSendSinceTheLastPurge) {
  const TemporaryDirectory directory;
  const std::string rules = directory.write("rules.yaml", R"(rules:
  - name: small
    level: conservative
    when: memory.utilization > 90%
    for: 0s
    hold: 0s
    until: memory.utilization < 80%
    then:
      - release_memory: {expired: true, shrink_cache_to: 25%, every: 1s}
)");
  AgentConfig config = compressing(origin_, "mode: on, level: 3, min_size: 0",
                                   "memory: 8MiB, object_bytes_max: 512KiB, negative_ttl: 1s, "
                                   "refresh: {backoff_first: 10ms}");
  config.optimization = "rules: [\"" + rules + "\"], interval: 100ms";
  config.workers = 3;
  RunningAgent agent(config);
  constexpr int client_count = 5, requests = 150;
  clients_ = client_count;
  std::list<std::thread> threads;
  for (int i = 0; i < client_count; ++i) {
    threads.emplace_back([&, i] { client(agent, static_cast<std::uint64_t>(i), requests); });
  }
  disturb(agent);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong_, 0);
  EXPECT_GT(whole_, client_count * requests / 4);
  EXPECT_GT(parts_, 0);
}

}  // namespace
}  // namespace homeostat::test
