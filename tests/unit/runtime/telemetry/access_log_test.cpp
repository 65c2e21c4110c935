#include "runtime/telemetry/access_log.hpp"

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/telemetry/escape.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::telemetry {
namespace {

/// Remembers lines; while the gate is closed, the log's thread is held up.
class RecordingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit RecordingSink(bool open = true) : open_(open) {}
  void open() {
    const std::lock_guard lock(gate_);
    open_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> lines;  // read after the log is gone

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::unique_lock lock(gate_);
    changed_.wait(lock, [this] { return open_; });
    lines.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}

 private:
  std::mutex gate_;
  std::condition_variable changed_;
  bool open_;
};

config::LogSettings settings(double sample = 1.0, bool json = true) {
  config::LogSettings result;
  result.access.enabled = true;
  result.access.sample = sample;
  result.format = json ? config::LogSettings::Format::json : config::LogSettings::Format::console;
  return result;
}

AccessRecord example() {
  AccessRecord record;
  record.time = WallTime{std::chrono::seconds(1700000000)} + std::chrono::milliseconds(7);
  record.client = "10.0.0.1";
  record.method = "GET";
  record.host = "shop.example";
  record.target = "/book/1?token=secret";
  record.status = 200;
  record.bytes = 1234;
  record.duration = std::chrono::microseconds(1500);
  record.cache_status = "miss";
  record.endpoint = "/book/{id}";
  record.request_id = "r-1";
  return record;
}

TEST(AccessLog, IsOffByDefault) {
  AccessLog log{config::LogSettings{}};
  EXPECT_FALSE(log.enabled());
  EXPECT_FALSE(log.wants(500, "x"));
  log.write(example());
  EXPECT_EQ(log.written(), 0U);
}

TEST(AccessLog, WritesEveryFieldAndNoQuery) {
  AccessRecord record = example();
  EXPECT_EQ(
      AccessLog::format_json(record),
      R"({"time":"2023-11-14T22:13:20.007Z","client":"10.0.0.1","method":"GET","host":"shop.example",)"
      R"("path":"/book/1","status":200,"bytes":1234,"duration":0.001500,"cache":"miss",)"
      R"("endpoint":"/book/{id}","request_id":"r-1"})");
  record.upstream_duration = std::chrono::milliseconds(1);
  EXPECT_NE(AccessLog::format_json(record).find(R"("upstream_duration":0.001000)"),
            std::string::npos);
  EXPECT_EQ(
      AccessLog::format_text(record),
      R"(2023-11-14T22:13:20.007Z 10.0.0.1 "GET /book/1" host="shop.example" status=200 bytes=1234 )"
      R"(duration=0.001500 upstream=0.001000 cache=miss endpoint="/book/{id}" id="r-1")");
}

TEST(AccessLog, HidesUserInfo) {
  AccessRecord record = example();
  record.host = "user:password@shop.example";
  record.target = "http://user:password@shop.example/x?y";
  const std::string absolute = AccessLog::format_json(record);
  EXPECT_EQ(absolute.find("password"), std::string::npos) << absolute;
  EXPECT_NE(absolute.find(R"("path":"/x")"), std::string::npos) << absolute;
  record.target = "user:password@shop.example:443";
  EXPECT_EQ(AccessLog::format_text(record).find("password"), std::string::npos);
}

TEST(AccessLog, KeepsOneLineWhateverTheClientSends) {
  AccessRecord record = example();
  record.target = "/a\r\n\"fake\" \\ \x7f\xff\x01";
  const std::string long_host(1000, 'h');
  record.host = long_host;
  record.request_id = "\n";
  for (const std::string& line : {AccessLog::format_json(record), AccessLog::format_text(record)}) {
    for (const char c : line) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << line;
    EXPECT_LT(line.size(), 1000U);
  }
  EXPECT_NE(
      AccessLog::format_json(record).find(R"("path":"/a\u000d\n\"fake\" \\ \u007f\u00ff\u0001")"),
      std::string::npos)
      << AccessLog::format_json(record);
}

TEST(AccessLog, WritesThroughItsQueueBeforeItEnds) {
  const auto sink = std::make_shared<RecordingSink>();
  {
    AccessLog log(settings(), sink);
    for (int i = 0; i < 100; ++i) log.write(example());
    EXPECT_EQ(log.written(), 100U);
  }
  EXPECT_EQ(sink->lines.size(), 100U);
  EXPECT_EQ(sink->lines.front(), AccessLog::format_json(example()));
}

TEST(AccessLog, DropsTheOldestAndCountsWhenTheQueueIsFull) {
  const auto sink = std::make_shared<RecordingSink>(false);
  std::uint64_t dropped = 0;
  {
    AccessLog log(settings(), sink, 8);
    AccessRecord record = example();
    for (int i = 0; i < 100; ++i) {
      const std::string id = std::to_string(i);
      record.request_id = id;
      log.write(record);
    }
    dropped = log.dropped();
    EXPECT_GE(dropped, 100U - 8U - 1U);
    sink->open();
  }
  EXPECT_EQ(sink->lines.size(), 100U - dropped);
  EXPECT_NE(sink->lines.back().find(R"("request_id":"99")"), std::string::npos);
}

TEST(AccessLog, SamplesTheSameRequestsEverywhereAndAllServerErrors) {
  AccessLog one(settings(0.1), std::make_shared<RecordingSink>());
  AccessLog two(settings(0.1), std::make_shared<RecordingSink>());
  int wanted = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string id = "request-" + std::to_string(i);
    const bool first = one.wants(200, id);
    ASSERT_EQ(first, two.wants(200, id));
    ASSERT_TRUE(one.wants(503, id));
    wanted += first ? 1 : 0;
  }
  EXPECT_NEAR(wanted, 2000, 200);
}

TEST(AccessLog, SamplesRequestsWithoutAnId) {
  AccessLog log(settings(0.25), std::make_shared<RecordingSink>());
  int wanted = 0;
  for (int i = 0; i < 20000; ++i) wanted += log.wants(200, "") ? 1 : 0;
  EXPECT_NEAR(wanted, 5000, 300);
  AccessLog none(settings(0), std::make_shared<RecordingSink>());
  EXPECT_FALSE(none.wants(200, "x"));
  EXPECT_TRUE(none.wants(500, "x"));
}

TEST(Logging, WritesJsonAndChangesLevelAndFormatInPlace) {
  std::ostringstream out;
  config::LogSettings json;
  json.format = config::LogSettings::Format::json;
  json.level = "warn";
  const auto logger = setup_logging(json, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  EXPECT_EQ(logger->name(), "homeostat");
  spdlog::info("hidden");
  spdlog::warn("say \"{}\"", "a\nb");
  EXPECT_EQ(out.str().find("hidden"), std::string::npos);
  EXPECT_NE(out.str().find(R"("level":"warning","logger":"homeostat","message":"say \"a\nb\""})"
                           "\n"),
            std::string::npos)
      << out.str();
  set_log_level("debug");
  logger->debug("seen");
  EXPECT_NE(out.str().find("seen"), std::string::npos);
  out.str("");
  EXPECT_EQ(setup_logging(config::LogSettings{}), logger) << "handles stay valid";
  logger->info("plain");
  EXPECT_EQ(out.str().find('{'), std::string::npos);
  EXPECT_NE(out.str().find("plain"), std::string::npos);
  setup_logging(config::LogSettings{}, std::make_shared<RecordingSink>());  // `out` ends here
}

TEST(Logging, NoMessageCanForgeALine) {
  std::ostringstream out;
  const auto logger =
      setup_logging(config::LogSettings{}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  logger->info("{}", "level is high (caf\xc3\xa9 \"x\"\r\n2026-01-01 info forged\x1b[2K\xc2\x9b)");
  const std::string text = out.str();
  setup_logging(config::LogSettings{}, std::make_shared<RecordingSink>());  // `out` ends here
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("(caf\xc3\xa9 \"x\"\\x0d\\n2026-01-01 info forged\\x1b[2K\\xc2\\x9b)"),
            std::string::npos)
      << text;
}

TEST(Logging, KnowsItsLevels) {
  EXPECT_EQ(parse_log_level("trace"), spdlog::level::trace);
  EXPECT_EQ(parse_log_level("error"), spdlog::level::err);
  EXPECT_EQ(parse_log_level("nonsense"), spdlog::level::info);
}

TEST(Logging, EscapesForeignText) {
  EXPECT_EQ(escape_text("a\x1b[31m\"\\"), R"(a\x1b[31m\"\\)");
  EXPECT_EQ(escape("abcdef", EscapeStyle::text, 3), "abc...");
}

TEST(Logging, FormatsTimeInUtc) {
  EXPECT_EQ(format_utc(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(WallTime{std::chrono::seconds(951782399)}), "2000-02-28T23:59:59.000Z");
}

}  // namespace
}  // namespace homeostat::telemetry
