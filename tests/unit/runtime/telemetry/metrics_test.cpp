#include "runtime/telemetry/metrics.hpp"

#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>

#include "runtime/telemetry/telemetry.hpp"

namespace homeostat::telemetry {
namespace {

struct ToolResult {
  int status;
  std::string output;
};

ToolResult promtool_check(const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / ("homeostat-metrics-" + std::to_string(getpid()));
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  std::FILE* pipe = popen(("promtool check metrics < " + path.string() + " 2>&1").c_str(), "r");
  std::string output;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  const int status = pclose(pipe);
  std::filesystem::remove(path);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

bool has_promtool() { return std::system("command -v promtool >/dev/null 2>&1") == 0; }

TEST(Metrics, RenderValuesInThePrometheusFormat) {
  MetricsRegistry registry;
  double value = 3;
  registry.counter("homeostat_things_total", "Things.", {{"kind", "a\"b\\c\nd"}},
                   [&] { return value; });
  registry.counter("homeostat_things_total", "Things.", {{"kind", "z"}}, [] { return 1.0; });
  registry.gauge("homeostat_level", "Level.", {}, [] { return 0.5; });
  value = 4;
  const std::string text = registry.render();
  EXPECT_NE(
      text.find(
          "# HELP homeostat_level Level.\n# TYPE homeostat_level gauge\nhomeostat_level 0.5\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("homeostat_things_total{kind=\"a\\\"b\\\\c\\nd\"} 4\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("homeostat_things_total{kind=\"z\"} 1\n"), std::string::npos) << text;
  const std::string type = "# TYPE homeostat_things_total counter\n";
  EXPECT_EQ(text.find(type), text.rfind(type)) << "one family, one header";
}

TEST(Metrics, LeaveOutWhatIsNotKnown) {
  MetricsRegistry registry;
  registry.gauge("homeostat_level", "Level.", {},
                 [] { return std::numeric_limits<double>::quiet_NaN(); });
  EXPECT_EQ(registry.render(), "");
}

TEST(Metrics, MergeFamiliesOfCollectorsAndCollectables) {
  MetricsRegistry registry;
  registry.collector([](auto& out) {
    prometheus::ClientMetric metric;
    metric.gauge.value = 1;
    out.push_back({"homeostat_a", "A.", prometheus::MetricType::Gauge, {metric}});
    metric.label = {{"x", "y"}};
    metric.gauge.value = 2;
    out.push_back({"homeostat_a", "A.", prometheus::MetricType::Gauge, {metric}});
  });
  auto theirs = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter()
      .Name("homeostat_b_total")
      .Help("B.")
      .Register(*theirs)
      .Add({})
      .Increment(5);
  registry.collectable(theirs);
  const std::string text = registry.render();
  EXPECT_NE(text.find("homeostat_a 1\nhomeostat_a{x=\"y\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("homeostat_b_total 5\n"), std::string::npos) << text;
}

TEST(Metrics, RefuseBadRegistrations) {
  MetricsRegistry registry;
  const auto one = [] { return 1.0; };
  EXPECT_THROW(registry.counter("homeostat_things", "Things.", {}, one), std::invalid_argument);
  EXPECT_THROW(registry.gauge("homeostat_things_total", "Things.", {}, one), std::invalid_argument);
  EXPECT_THROW(registry.gauge("homeostat-things", "Things.", {}, one), std::invalid_argument);
  EXPECT_THROW(registry.gauge("homeostat_things", "", {}, one), std::invalid_argument);
  EXPECT_THROW(registry.gauge("homeostat_things", "Things.", {{"a:b", "c"}}, one),
               std::invalid_argument);
  EXPECT_THROW(registry.gauge("homeostat_things", "Things.", {}, nullptr), std::invalid_argument);
  EXPECT_THROW(registry.collector(nullptr), std::invalid_argument);
  registry.gauge("homeostat_things", "Things.", {}, one);
  EXPECT_THROW(registry.gauge("homeostat_things", "Things.", {}, one), std::invalid_argument);
}

TEST(Metrics, ReportTheProcessWithPlausibleFigures) {
  MetricsRegistry registry;
  register_process_metrics(registry);
  const auto families = registry.families();
  EXPECT_EQ(families.size(), 7U);
  for (const auto& family : families) {
    const double value = family.metric.at(0).gauge.value + family.metric.at(0).counter.value;
    EXPECT_GE(value, 0) << family.name;
    if (family.name == "process_resident_memory_bytes") {
      EXPECT_GT(value, 1e6);
    }
    if (family.name == "process_start_time_seconds") {
      EXPECT_GT(value, 1.6e9);
    }
    if (family.name == "process_open_fds") {
      EXPECT_GE(value, 3);
    }
    if (family.name == "process_threads") {
      EXPECT_GE(value, 1);
    }
  }
}

TEST(Metrics, PassPromtool) {
  ASSERT_TRUE(has_promtool()) << "promtool is not installed (Debian package prometheus)";
  ManualClock clock;
  Telemetry telemetry(config::EndpointSettings{}, 1, clock);
  RequestRecord record;
  record.method = "GET";
  record.status = 200;
  record.latency = std::chrono::milliseconds(5);
  record.upstream_latency = std::chrono::milliseconds(4);
  for (const char* target : {"/book/1", "/a\"b\\c", "/caf\xc3\xa9\xff", "/"}) {
    record.target = target;
    telemetry.worker(0).record(record);
  }
  MetricsRegistry registry;
  register_build_info(registry, "0.1.0", "abc");
  register_process_metrics(registry);
  registry.collector([&](auto& out) { telemetry.families(out); });
  const std::string text = registry.render();
  const ToolResult result = promtool_check(text);
  EXPECT_EQ(result.status, 0) << result.output << text;
  EXPECT_EQ(result.output, "") << text;
  EXPECT_NE(text.find("homeostat_request_duration_seconds_bucket{method=\"GET\",route=\"/book/"
                      "{id}\",le=\"+Inf\"} 1"),
            std::string::npos)
      << text;
  // The check itself can fail:
  EXPECT_NE(promtool_check("homeostat_broken{ 1\n").status, 0);
}

}  // namespace
}  // namespace homeostat::telemetry
