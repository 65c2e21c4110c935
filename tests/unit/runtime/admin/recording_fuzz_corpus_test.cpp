// The fuzz target's own entry over a small seeded corpus, in every test run.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

// The very code that libFuzzer drives; it aborts when a property is broken.
#include "tests/fuzz/recording_fuzz.cpp"

namespace {

void run(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

TEST(RecordingFuzz, SurvivesRandomPiecesOfCsv) {
  static constexpr std::array pieces{"time",
                                     ",",
                                     "\n",
                                     "\r\n",
                                     "\"",
                                     "cpu.utilization",
                                     "endpoint.rate[GET /a]",
                                     "1",
                                     "2.5",
                                     "1e300",
                                     "-3",
                                     "nan",
                                     "85%",
                                     "scrape.pool{a=\"\"b\"\"}",
                                     "250ms",
                                     "[",
                                     "]",
                                     "{",
                                     "}",
                                     "slo.burn",
                                     "2026-01-31T12:00:00Z",
                                     "scrape",
                                     "inf",
                                     "0",
                                     "=",
                                     " ",
                                     "time,cpu.utilization\n1,0.5\n"};
  std::mt19937 random(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string text = round % 2 == 0 ? "time,cpu.utilization\n1,0.5\n" : "";
    for (auto i = random() % 24; i > 0; --i) text += pieces[random() % pieces.size()];
    run(text);
  }
}

TEST(RecordingFuzz, SurvivesRandomAnswers) {
  static constexpr std::array values{"[1,\"2\"]",   "[3,4]",  "[\"NaN\",1]", "[1e300,\"1\"]",
                                     "[5,\"inf\"]", "[]",     "7",           "[2,\"0.5\"]",
                                     "[-1,\"1\"]",  "[1,{}]", "[9,\"1e9\"]", "null"};
  static constexpr std::array labels{R"("__name__":"homeostat_signal")",
                                     R"("__name__":"pool")",
                                     R"("signal":"cpu.utilization")",
                                     R"("signal":"endpoint.rate")",
                                     R"("endpoint":"GET /a")",
                                     R"("exported_endpoint":"GET /b")",
                                     R"("source":"injected")",
                                     R"("pod":"a\"b")",
                                     R"("__name__":"a:b")",
                                     R"("x":7)"};
  std::mt19937 random(4);
  const auto some = [&random](const auto& from) {
    std::string text;
    for (auto i = random() % 5; i > 0; --i) {
      text += (text.empty() ? "" : ",") + std::string(from[random() % from.size()]);
    }
    return text;
  };
  for (int round = 0; round < 5'000; ++round) {
    std::string list;
    for (auto i = random() % 4; i > 0; --i) {
      list += (list.empty() ? "{" : ",{") + std::string(R"("metric":{)") + some(labels) +
              R"(},"values":[)" + some(values) + "]}";
    }
    run("[" + list + "]");
  }
}

}  // namespace
