// Answers of Prometheus as recordings: what comes together, and what cannot.
#include "runtime/admin/recording_json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace homeostat::admin {
namespace {

using Read = std::variant<rules::Recording, rules::RecordingError>;

/// One series: its labels, and its values a second apart from `from` on.
std::string series(const std::string& labels, int from, int count, double value) {
  std::string text = R"({"metric":{)" + labels + R"(},"values":[)";
  for (int i = 0; i < count; ++i) {
    text += (i > 0 ? ",[" : "[") + std::to_string(from + i) + ",\"" + std::to_string(value) + "\"]";
  }
  return text + "]}";
}

Read read(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& one : list) text += (text.size() > 1 ? "," : "") + one;
  return read_range_query(boost::json::parse(text + "]"));
}

std::string error_of(const Read& read) {
  const auto* error = std::get_if<rules::RecordingError>(&read);
  return error == nullptr ? "accepted" : error->message;
}

std::string signal(const std::string& name, const std::string& more = "") {
  return R"("__name__":"homeostat_signal","signal":")" + name + "\"" + more;
}

TEST(RangeQuery, PutsTheSeriesBeforeAndAfterARestartTogetherInWhateverOrder) {
  const Read found = read({series(signal("cpu.utilization", R"(,"pod":"b")"), 200, 50, 0.9),
                           series(signal("cpu.utilization", R"(,"pod":"c")"), 100, 50, 0.1)});
  const auto& recording = std::get<rules::Recording>(found);
  ASSERT_EQ(recording.series().size(), 1U);
  const auto& samples = recording.series()[0].samples;
  ASSERT_EQ(samples.size(), 100U);
  EXPECT_EQ(samples.front().at, 100);
  EXPECT_EQ(samples.front().value, 0.1);
  EXPECT_EQ(samples.back().value, 0.9);
}

TEST(RangeQuery, TakesTwoAgentsAtTheSameTimeForNoHistory) {
  const Read found = read({series(signal("cpu.utilization", R"(,"instance":"a")"), 100, 50, 0.9),
                           series(signal("cpu.utilization", R"(,"instance":"b")"), 120, 50, 0.1)});
  EXPECT_NE(error_of(found).find("several series give cpu.utilization"), std::string::npos)
      << error_of(found);
}

TEST(RangeQuery, LeavesInjectedSignalsOut) {
  const Read found = read({series(signal("traffic.rate", R"(,"source":"injected")"), 150, 10, 1000),
                           series(signal("traffic.rate", R"(,"source":"traffic")"), 100, 50, 5)});
  const auto& samples = std::get<rules::Recording>(found).series().at(0).samples;
  EXPECT_EQ(samples.size(), 50U);
  EXPECT_EQ(samples.back().value, 5);
}

TEST(RangeQuery, FindsTheEndpointBesideTheOperatorsOwnLabel) {
  const Read found =
      read({series(signal("endpoint.rate", R"(,"endpoint":"metrics","exported_endpoint":"GET /a")"),
                   1, 3, 5),
            series(signal("endpoint.rate", R"(,"endpoint":"GET /b")"), 1, 3, 5),
            series(signal("cpu.utilization", R"(,"endpoint":"metrics")"), 1, 3, 0.5)});
  const auto* recording = std::get_if<rules::Recording>(&found);
  ASSERT_NE(recording, nullptr) << error_of(found);
  ASSERT_EQ(recording->series().size(), 3U);
  std::vector<std::string> endpoints;
  for (const auto& one : recording->series()) endpoints.push_back(one.endpoint);
  std::ranges::sort(endpoints);
  EXPECT_EQ(endpoints, (std::vector<std::string>{"", "GET /a", "GET /b"}));
}

TEST(RangeQuery, KeepsTheMetricsOwnLabelsWhereTheTargetAddsMany) {
  const std::string target =
      R"("container":"c","endpoint":"e","instance":"i","job":"j","namespace":"n","pod":"p",)"
      R"("service":"s",)";
  const Read found =
      read({series(target + R"("__name__":"pool","name":"main","state":"used")", 1, 3, 7)});
  const auto& recording = std::get<rules::Recording>(found);
  EXPECT_EQ(recording.series().at(0).selector.text, R"(scrape.pool{name="main",state="used"})");
  std::string many = R"("__name__":"pool")";
  for (char name = 'a'; name < 'j'; ++name) many += std::string(",\"") + name + "\":\"1\"";
  EXPECT_NE(error_of(read({series(many, 1, 3, 7)})).find("pool has more than 8 labels"),
            std::string::npos);
}

TEST(RangeQuery, SaysWhatItCannotRead) {
  EXPECT_EQ(error_of(read({})), "the answer holds no samples");
  EXPECT_EQ(error_of(read({R"({"metric":{"__name__":"a"},"values":[["NaN","1"]]})"})),
            "a sample's time is in seconds since 1970");
  EXPECT_EQ(error_of(read({R"({"metric":{"__name__":"a"},"values":[[1e300,"1"]]})"})),
            "a sample's time is in seconds since 1970");
  EXPECT_NE(error_of(read({series(R"("__name__":"job:latency:p99")", 1, 3, 7)}))
                .find("unknown signal 'scrape.job:latency:p99'"),
            std::string::npos);
}

}  // namespace
}  // namespace homeostat::admin
