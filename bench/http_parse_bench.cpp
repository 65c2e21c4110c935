// How long does it take to parse and to write the heads of ordinary messages?
//
//   build/release/bench/http_parse_bench
#include <benchmark/benchmark.h>

#include <string>

#include "runtime/http/cache_control.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/hop_by_hop.hpp"
#include "runtime/http/parser.hpp"

namespace homeostat::http {
namespace {

constexpr std::string_view browser_get =
    "GET /api/v1/books/42?lang=en HTTP/1.1\r\n"
    "Host: shop.example.org\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Referer: https://shop.example.org/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark\r\n"
    "\r\n";

constexpr std::string_view small_get = "GET /1k HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: sample\r\n"
    "Content-Type: application/json\r\nContent-Length: 0\r\nETag: \"33a64df551425fcc\"\r\n"
    "Cache-Control: public, max-age=60, stale-while-revalidate=30\r\nVary: Accept-Encoding\r\n\r\n";

void parse_request(benchmark::State& state, std::string_view bytes) {
  RequestParser parser;
  for (auto _ : state) {
    parser.reset();
    ParseStep step = parser.next(bytes);
    benchmark::DoNotOptimize(step);
    step = parser.next({});
    if (step.event != ParseEvent::end) state.SkipWithError("not parsed");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes.size()) *
                          static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(parse_request, browser, browser_get);
BENCHMARK_CAPTURE(parse_request, small, small_get);

void parse_response(benchmark::State& state) {
  ResponseParser parser;
  for (auto _ : state) {
    parser.reset({});
    ParseStep step = parser.next(response);
    benchmark::DoNotOptimize(step);
    step = parser.next({});
    if (step.event != ParseEvent::end) state.SkipWithError("not parsed");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(response.size()) *
                          static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(parse_response);

void forward_request_head(benchmark::State& state) {
  RequestParser parser;
  (void)parser.next(browser_get);
  const RequestHead& head = parser.head();
  std::string out;
  for (auto _ : state) {
    out.clear();
    HeadWriter writer(out);
    writer.request_line(head.method_text, head.target);
    const HopByHopFilter filter(head.headers);
    for (const Field& field : head.headers) {
      if (filter.forwarded(field)) writer.field(field);
    }
    writer.end();
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(forward_request_head);

void parse_cache_control_field(benchmark::State& state) {
  ResponseParser parser;
  (void)parser.next(response);
  for (auto _ : state) {
    CacheControl control = parse_cache_control(parser.head().headers);
    benchmark::DoNotOptimize(control);
  }
}
BENCHMARK(parse_cache_control_field);

}  // namespace
}  // namespace homeostat::http

BENCHMARK_MAIN();
