// The fuzz target's own entry over a small seeded corpus, in every test run.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

// The very code that libFuzzer drives; it aborts when a property is broken.
#include "tests/fuzz/expression_fuzz.cpp"

namespace {

void run(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

TEST(ExpressionFuzz, SurvivesRandomTokens) {
  static constexpr std::array<const char*, 50> pieces{"cpu.utilization",
                                                      "endpoint.latency_p95",
                                                      "endpoint.rate",
                                                      "admission.limit",
                                                      "memory.working_set",
                                                      "cache.hit_ratio",
                                                      "and",
                                                      "or",
                                                      "not",
                                                      "true",
                                                      "false",
                                                      "<",
                                                      "<=",
                                                      ">",
                                                      ">=",
                                                      "==",
                                                      "!=",
                                                      "+",
                                                      "-",
                                                      "*",
                                                      "/",
                                                      "(",
                                                      ")",
                                                      "(",
                                                      ")",
                                                      "min(",
                                                      "max(",
                                                      "abs(",
                                                      "avg(",
                                                      "trend(",
                                                      "quantile(",
                                                      "predict(",
                                                      "rate(",
                                                      "5m",
                                                      "scrape.pool",
                                                      "scrape.jobs_total",
                                                      "{a=\"b\"}",
                                                      "slo.burn",
                                                      ",",
                                                      "90%",
                                                      "0.5",
                                                      "2s",
                                                      "5",
                                                      "0",
                                                      "1/s",
                                                      "3/m",
                                                      "1MiB",
                                                      "-1",
                                                      "nonsense",
                                                      "$"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const std::size_t length = 1 + random() % 12;
    for (std::size_t i = 0; i < length; ++i) {
      text += pieces[random() % pieces.size()];
      if (random() % 8 != 0) text += ' ';
    }
    run(text);
  }
}

TEST(ExpressionFuzz, SurvivesMutationsOfValidConditions) {
  static constexpr std::array<const char*, 7> valid{
      "endpoint.latency_p95 > 2s and endpoint.rate > 1/s",
      "not (cpu.utilization > 90% or memory.utilization >= 0.8)",
      "admission.in_flight > admission.limit * 80% and cache.hit_ratio < 95%",
      "max(1s, endpoint.latency_p99) / min(10ms, endpoint.latency_p50) > 3",
      "predict(memory.utilization, 30m, 1h) > 95% or trend(endpoint.rate, 5m) > 10/s",
      "rate(scrape.jobs_total{queue=\"a\",state!=\"b\"}, 90s) > 2/s and slo.burn > 14.4",
      "endpoint.rate * endpoint.latency_avg - 2 > -5 and true != false"};
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text = valid[random() % valid.size()];
    for (std::uint32_t i = 0; i <= random() % 3; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = static_cast<char>(random() % 256); break;
        case 1: text.erase(at, 1 + random() % 4); break;
        default: text.insert(at, 1, "()<>=+-*/,.%0159sm {}\"!"[random() % 23]); break;
      }
      if (text.empty()) break;
    }
    run(text);
  }
}

TEST(ExpressionFuzz, SurvivesDeepAndLongInput) {
  run(std::string(4096, '('));
  run(std::string(5000, '-'));
  std::string nots;
  while (nots.size() < 4000) nots += "not ";
  run(nots + "true");
  std::string sum = "admission.limit";
  while (sum.size() < 4000) sum += "-admission.limit";
  run(sum + ">1");
}

}  // namespace
