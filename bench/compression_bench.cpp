// What does each coding and effort cost, and what does it save?
//
//   compression_bench --benchmark_counters_tabular=true
//
// Bodies: JSON and HTML of 1 KiB to 1 MiB, made from a seed. `whole` is what the
// background builds for stored objects, `stream` what a worker does to passing
// responses in pieces of 16 KiB, each flushed; `zlib` is gzip in one piece by
// zlib, to show what libdeflate gains. `decode` and `tighten` are their reverse
// and what may come before. Counters: ratio = bytes out / bytes in, ns_per_byte
// of input.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include "rules/laws/compression.hpp"
#include "runtime/compress/decoder.hpp"
#include "runtime/compress/encoder.hpp"
#include "runtime/compress/json_tightener.hpp"
#include "runtime/compress/whole_encoder.hpp"

namespace homeostat::compress {
namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::array<std::size_t, 4> sizes = {kibibyte, 16 * kibibyte, 100 * kibibyte,
                                              1024 * kibibyte};
constexpr std::array<const char*, 24> words = {
    "order",   "customer", "available", "collection", "summer", "price",  "shipping", "cotton",
    "limited", "review",   "quality",   "standard",   "blue",   "please", "contact",  "delivery",
    "within",  "seven",    "days",      "original",   "design", "the",    "and",      "of"};

std::string sentence(std::mt19937& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::string(i > 0 ? " " : "") + words[random() % 24];
  return text;
}

std::string json_body(std::size_t bytes) {
  std::mt19937 random(1);
  std::string text = "{\n  \"items\": [\n";
  while (text.size() < bytes) {
    text += "    {\"id\": " + std::to_string(random()) + ", \"sku\": \"" +
            std::to_string(random() % 100000) + "-" + std::to_string(random() % 90 + 10) +
            "\", \"price\": " + std::to_string(random() % 1000) + "." +
            std::to_string(random() % 90 + 10) + ", \"title\": \"" + sentence(random, 5) +
            "\", \"stock\": " + (random() % 3 == 0 ? "null" : std::to_string(random() % 50)) +
            ", \"active\": " + (random() % 2 == 0 ? "true" : "false") + "},\n";
  }
  text.resize(bytes - 1);  // cut: what follows only matters to `tighten`
  return text + "\n";
}

std::string html_body(std::size_t bytes) {
  std::mt19937 random(2);
  std::string text = "<!DOCTYPE html>\n<html><head><title>Shop</title></head>\n<body>\n";
  while (text.size() < bytes) {
    text += "<div class=\"product card\" id=\"p" + std::to_string(random() % 100000) +
            "\">\n  <h2><a href=\"/product/" + std::to_string(random() % 100000) + "\">" +
            sentence(random, 4) + "</a></h2>\n  <p class=\"text\">" + sentence(random, 25) +
            ".</p>\n</div>\n";
  }
  text.resize(bytes);
  return text;
}

const std::string& body(std::size_t size_index, bool html) {
  static const auto all = [] {
    std::array<std::array<std::string, 2>, sizes.size()> bodies;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      bodies[i] = {json_body(sizes[i]), html_body(sizes[i])};
    }
    return bodies;
  }();
  return all[size_index][html ? 1 : 0];
}

void report(benchmark::State& state, std::size_t bytes_in, std::size_t bytes_out) {
  const auto in = static_cast<double>(bytes_in);
  state.counters["ratio"] = static_cast<double>(bytes_out) / in;
  state.counters["ns_per_byte"] =
      benchmark::Counter(in * static_cast<double>(state.iterations()) / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

struct Case {
  Coding coding;
  int effort;
  const std::string& text;
};

void whole(benchmark::State& state, const Case& run) {
  std::string out;
  for (auto _ : state) {
    if (!encode_whole(run.coding, run.effort, run.text, run.text.size() + 100, out)) {
      state.SkipWithError("did not fit");
      return;
    }
  }
  report(state, run.text.size(), out.size());
}

void stream(benchmark::State& state, const Case& run, std::size_t piece, bool flush) {
  EncoderBudget budget(std::size_t{1} << 30U);
  EncoderPool pool(budget);
  std::string out;
  std::size_t total = 0;
  for (auto _ : state) {
    Encoder encoder = pool.acquire(run.coding, run.effort);
    total = 0;
    for (std::size_t at = 0; at < run.text.size(); at += piece) {
      out.clear();
      (void)encoder.write(std::string_view(run.text).substr(at, piece), out,
                          flush ? Flush::sync : Flush::none);
      total += out.size();
    }
    out.clear();
    (void)encoder.finish(out);
    total += out.size();
  }
  report(state, run.text.size(), total);
}

void decode(benchmark::State& state, Coding coding, const std::string& text) {
  std::string encoded, out;
  if (!encode_whole(coding, 5, text, text.size() + 100, encoded)) return;
  for (auto _ : state) {
    if (decode_whole(coding, encoded, {}, SystemClock::instance(), out) != DecodeResult::ok) {
      state.SkipWithError("not decoded");
      return;
    }
  }
  report(state, text.size(), encoded.size());
}

void tighten(benchmark::State& state, const std::string& text) {
  std::string out;
  bool ok = true;
  for (auto _ : state) ok = tighten_json(text, {true, true}, out);
  if (!ok) state.SkipWithError("no JSON");
  report(state, text.size(), out.size());
}

std::string size_text(std::size_t bytes) {
  return bytes >= kibibyte * kibibyte ? "1MiB" : std::to_string(bytes / kibibyte) + "KiB";
}

void register_coding(Coding coding, std::size_t size_index, bool html) {
  const std::string where = std::string(rules::coding_name(coding)) + "/" +
                            (html ? "html" : "json") + "/" + size_text(sizes[size_index]);
  const std::string& text = body(size_index, html);
  for (int effort = 1; effort <= rules::effort_max; ++effort) {
    const std::string name = where + "/" + std::to_string(effort);
    const Case run{coding, effort, text};
    benchmark::RegisterBenchmark(("whole/" + name).c_str(),
                                 [run](benchmark::State& state) { whole(state, run); });
    benchmark::RegisterBenchmark(("stream/" + name).c_str(), [run](benchmark::State& state) {
      stream(state, run, 16 * kibibyte, true);
    });
    if (coding == Coding::gzip) {
      benchmark::RegisterBenchmark(("zlib/" + name).c_str(), [run](benchmark::State& state) {
        stream(state, run, run.text.size(), false);
      });
    }
  }
  benchmark::RegisterBenchmark(("decode/" + where).c_str(),
                               [coding, &text](auto& state) { decode(state, coding, text); });
}

}  // namespace

void register_all() {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    for (const bool html : {false, true}) {
      for (const Coding coding : rules::encoded_codings) register_coding(coding, i, html);
    }
    static std::array<std::string, sizes.size()> valid;
    std::string& text = valid[i];
    text = body(i, false);
    text.resize(text.rfind("},") + 1);
    text += "\n  ]\n}\n";
    benchmark::RegisterBenchmark(("tighten/json/" + size_text(sizes[i])).c_str(),
                                 [&text](auto& state) { tighten(state, text); });
  }
}

}  // namespace homeostat::compress

int main(int argc, char** argv) {
  homeostat::compress::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
