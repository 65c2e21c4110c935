// Reading recorded signals, and every way they can be wrong.
#include "rules/replay/recording.hpp"

#include <gtest/gtest.h>

namespace homeostat::rules {
namespace {

Recording must_read(std::string_view csv) {
  auto read = read_recording(csv);
  if (const auto* error = std::get_if<RecordingError>(&read)) {
    ADD_FAILURE() << error->line << ": " << error->message;
    return {};
  }
  return std::get<Recording>(std::move(read));
}

std::string error_of(std::string_view csv) {
  const auto read = read_recording(csv);
  const auto* error = std::get_if<RecordingError>(&read);
  return error == nullptr ? "accepted" : std::to_string(error->line) + ": " + error->message;
}

TEST(Recording, HasASeriesPerColumn) {
  const Recording recording = must_read(
      "time,cpu.utilization,\"endpoint.latency_p95[GET /a,b]\",scrape.pool{name=\"\"}\n"
      "100,0.5,1.5,\n"
      "101,,2,\r\n");
  ASSERT_EQ(recording.series().size(), 3U);
  EXPECT_EQ(recording.series()[0].signal, SignalId::cpu_utilization);
  EXPECT_EQ(recording.series()[0].samples.size(), 1U) << "an empty cell is no sample";
  EXPECT_EQ(recording.series()[1].endpoint, "GET /a,b");
  EXPECT_EQ(recording.series()[1].samples[1].value, 2);
  EXPECT_EQ(recording.span(), (std::pair<double, double>{100, 101}));
}

TEST(Recording, TakesSelectedSignalsWithTheirLabels) {
  const Recording recording =
      must_read("time,\"scrape.pool{name=\"\"main\"\",state=\"\"used\"\"}\",slo.burn\n1,7,2\n");
  EXPECT_EQ(recording.series()[0].selector.text, "scrape.pool{name=\"main\",state=\"used\"}");
  EXPECT_EQ(recording.series()[1].selector.name, "slo.burn");
}

TEST(Recording, ReadsTimesAndUnits) {
  const Recording recording = must_read(
      "time,cpu.utilization,traffic.latency_p95,memory.working_set\n"
      "2026-01-31T12:00:00Z,85%,250ms,1KiB\n"
      "2026-01-31T12:00:00.500Z,0.5,0.1,5\n");
  const auto& cpu = recording.series()[0].samples;
  EXPECT_DOUBLE_EQ(cpu[0].at, 1769860800);
  EXPECT_DOUBLE_EQ(cpu[1].at, 1769860800.5);
  EXPECT_DOUBLE_EQ(cpu[0].value, 0.85);
  EXPECT_DOUBLE_EQ(recording.series()[1].samples[0].value, 0.25);
  EXPECT_DOUBLE_EQ(recording.series()[2].samples[0].value, 1024);
  EXPECT_EQ(format_time(1769860800), "2026-01-31T12:00:00Z");
}

TEST(Recording, MayChangeItsColumnsOnTheWay) {
  const Recording recording = must_read(
      "time,cpu.utilization\n1,0.1\ntime,memory.utilization,cpu.utilization\n2,0.7,0.2\n");
  ASSERT_EQ(recording.series().size(), 2U);
  EXPECT_EQ(recording.series()[0].samples.size(), 2U);
  EXPECT_EQ(recording.series()[1].samples[0].value, 0.7);
}

TEST(Recording, IgnoresSamplesThatGoBackInTime) {
  const Recording recording = must_read("time,cpu.utilization\n5,0.1\n4,0.9\n6,0.2\n");
  EXPECT_EQ(recording.series()[0].samples.size(), 2U);
}

TEST(Recording, NamesTheLineThatIsWrong) {
  EXPECT_EQ(error_of(""), "1: the first line must be `time,<signal>,...`");
  EXPECT_EQ(error_of("1,2\n"), "1: the first line must be `time,<signal>,...`");
  EXPECT_EQ(error_of("time,cpu.utilization\n"), "0: there is no sample below the header");
  EXPECT_EQ(error_of("time,cpu.utilization\n1,\n"), "0: there is no sample below the header");
  EXPECT_EQ(error_of("time\n"), "1: there is no signal beside `time`");
  EXPECT_EQ(error_of("time,cpu\n"), "1: column 2: unknown signal 'cpu'");
  EXPECT_EQ(error_of("time,endpoint.rate\n"),
            "1: column 2: write the endpoint, as in endpoint.rate[GET /a]");
  EXPECT_EQ(error_of("time,cpu.utilization[GET /a]\n"),
            "1: column 2: 'cpu.utilization' is not of an endpoint");
  EXPECT_EQ(error_of("time,cpu.utilization\n1,2,3\n"), "2: 3 cells; the header has 2");
  EXPECT_EQ(error_of("time,cpu.utilization\nnow,1\n"),
            "2: 'now' is no time: write RFC 3339 UTC or seconds");
  EXPECT_EQ(error_of("time,cpu.utilization\n1,5s\n"), "2: '5s' is no ratio");
  EXPECT_EQ(error_of("time,cpu.utilization\n2026-02-30T00:00:00Z,1\n").substr(0, 26),
            "2: '2026-02-30T00:00:00Z' ");
}

TEST(Recording, LeavesOutALastLineThatWasTorn) {
  const std::string whole = "time,cpu.utilization,traffic.rate\n1,0.5,2\n";
  for (const char* torn : {"2", "2,0.", "tim", "time,\"endpoint.rate[GET", "2026-01-3"}) {
    const Recording recording = must_read(whole + torn);
    EXPECT_EQ(recording.span().second, 1) << torn;
  }
  EXPECT_EQ(must_read(whole + "2,0.5,3").span().second, 2) << "whole, though nothing ends it";
  EXPECT_EQ(error_of(whole + "2,0.5\n3,0.5,3\n"), "3: 2 cells; the header has 3");
}

TEST(Recording, RefusesTimesThatAreNoSeconds) {
  for (const char* time : {"1769860800000", "1e300", "-5", "nan", "1969-12-31T00:00:00Z",
                           "2100-01-01T00:00:00Z", "4102444800"}) {
    EXPECT_NE(error_of("time,cpu.utilization\n" + std::string(time) + ",0.5\n").find("is no time"),
              std::string::npos)
        << time;
  }
}

TEST(Recording, RefusesANameThatGoesOnAfterItsSignal) {
  EXPECT_NE(error_of("time,scrape.job:latency:p99\n1,2\n").find("unknown signal"),
            std::string::npos);
  EXPECT_NE(error_of("time,\"scrape.pool{a=\"\"b\"\"} or\"\n1,2\n").find("unknown signal"),
            std::string::npos);
}

TEST(Recording, WritesNamesThatItReads) {
  const std::string name = column_name(SignalId::endpoint_rate, "GET /a\"b,c");
  const Recording recording = must_read("time," + csv_cell(name) + "\n1,2\n");
  EXPECT_EQ(recording.series()[0].endpoint, "GET /a\"b,c");
}

}  // namespace
}  // namespace homeostat::rules
