// The data plane of an agent with nothing around it: workers before a scripted application,
// with a tier if the settings name a Redis.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>

#include "runtime/ports/policy_store.hpp"
#include "runtime/proxy/server.hpp"
#include "runtime/tier/tier.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_origin.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::proxy {

/// One worker, no admission, before this application.
inline config::Settings settings_before(const test::ScriptedOrigin& origin) {
  config::Settings settings;
  settings.listen.push_back({"127.0.0.1", 0, {}});
  settings.upstream.targets.push_back({{"127.0.0.1", origin.port(), {}}, "application"});
  settings.admission.mode = config::LoopMode::off;
  settings.cache.memory = 8 * config::mebibyte;
  return settings;
}

class DataPlane {
 public:
  explicit DataPlane(config::Settings from, const Clock& clock = SystemClock::instance())
      : clock_(clock), settings_(std::make_shared<const config::Settings>(std::move(from))) {
    if (settings_->cache.redis.configured()) {
      tier_ = std::make_unique<tier::Tier>(control_, clock_, settings_->cache, cache_,
                                           [](const std::string&) {});
      EXPECT_EQ(tier_->open(), "");
    }
    server_ =
        std::make_unique<Server>(settings_, 1,
                                 Services{clock_, policies_, cache_, gate_, telemetry_, access_log_,
                                          compress_pool_, streams_, 100, 1, tier_.get()});
    EXPECT_EQ(server_->start(), "");
    if (tier_) tier_->start();
    thread_ = std::thread([this] { control_.run(); });
  }
  ~DataPlane() {
    server_->stop();
    compress_pool_.shutdown();
    boost::asio::post(control_, [this] {
      if (tier_) tier_->stop();
      work_.reset();
    });
    thread_.join();
    server_.reset();
  }
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  [[nodiscard]] test::Message send(std::string_view method, std::string_view target,
                                   std::string_view fields = {}, std::string_view body = {}) const {
    test::HttpClient client(server_->bound().front().port);
    return client.request(method, target, fields, body);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->bound().front().port; }
  [[nodiscard]] std::uint64_t writes_through(WriteThroughResult result) const {
    return server_->counters().writes_through[static_cast<std::size_t>(result)].load();
  }
  [[nodiscard]] bool in_step() const { return tier_->in_step() && tier_->health().up; }
  [[nodiscard]] const tier::TierCounters& shared() const { return tier_->counters(); }

 private:
  const Clock& clock_;
  std::shared_ptr<const config::Settings> settings_;
  boost::asio::io_context control_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      control_.get_executor()};
  PolicyStore policies_{clock_, std::chrono::minutes(10)};
  telemetry::AccessLog access_log_{settings_->log};
  telemetry::Telemetry telemetry_{settings_->monitor.endpoints, 1, clock_};
  cache::Cache cache_{settings_->cache, clock_};
  gate::Gate gate_{settings_->admission, 1, clock_, telemetry_.endpoints().id_space()};
  compress::StreamResources streams_{settings_->compression.stream_memory};
  compress::CompressPool compress_pool_{clock_};
  std::unique_ptr<tier::Tier> tier_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace homeostat::proxy
