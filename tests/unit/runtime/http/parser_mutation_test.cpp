// Seeded random mutations through the fuzz targets' own entry points.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/fuzz/http_fuzz_entries.hpp"

namespace homeostat::http {
namespace {

using Entry = void (*)(const std::uint8_t*, std::size_t);

std::string mutate(std::string text, std::mt19937& random) {
  static const std::string_view pieces[] = {"\r\n",     "\n",
                                            "\r",       " ",
                                            "\t",       ":",
                                            ",",        "0",
                                            "chunked",  "Content-Length: 1\r\n",
                                            "\r\n\r\n", "Transfer-Encoding: chunked\r\n",
                                            "HTTP/1.1", ";",
                                            "\"",       "Connection: close\r\n",
                                            "ffff"};
  const auto below = [&random](std::size_t n) {
    return n == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0: text.insert(at, pieces[below(std::size(pieces))]); break;
      case 1: text.erase(at, 1 + below(4)); break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default: text.insert(at, text.substr(below(text.size()), below(20))); break;
    }
  }
  return text;
}

void run(Entry entry, const std::string_view (&seeds)[6], unsigned seed) {
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    const std::string_view base = seeds[static_cast<std::size_t>(round) % std::size(seeds)];
    const std::string text = static_cast<char>(random() & 15U) + mutate(std::string(base), random);
    entry(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
}

TEST(ParserMutations, RequestsKeepTheContract) {
  static const std::string_view seeds[6] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: "
      "t\r\n\r\n",
      "\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      "PUT http://a:1/x?y HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: "
      "1\r\n\r\nz",
      "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"};
  run(testing::fuzz_http_request, seeds, 20240607);
}

TEST(ParserMutations, ResponsesKeepTheContract) {
  static const std::string_view seeds[6] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: t\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nuntil close",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nraw",
      "HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"};
  run(testing::fuzz_http_response, seeds, 20240608);
}

}  // namespace
}  // namespace homeostat::http
