#include <gtest/gtest.h>

#include <string>

#include "runtime/http/chunk.hpp"
#include "runtime/http/head_writer.hpp"
#include "tests/fuzz/http_transcript.hpp"

namespace homeostat::http {
namespace {

TEST(HeadWriter, WritesAResponseHead) {
  std::string out = "kept";
  HeadWriter(out)
      .status_line(200)
      .field("X", "y")
      .field(HeaderId::age, std::uint64_t{18446744073709551615U})
      .end();
  EXPECT_EQ(out, "keptHTTP/1.1 200 OK\r\nX: y\r\nAge: 18446744073709551615\r\n\r\n");
  out.clear();
  HeadWriter(out).status_line(404, 0).status_line(299, "Odd").status_line(799);
  EXPECT_EQ(out, "HTTP/1.0 404 Not Found\r\nHTTP/1.1 299 Odd\r\nHTTP/1.1 799 Unknown\r\n");
}

TEST(HeadWriter, WritesARequestHead) {
  std::string out;
  HeadWriter(out).request_line("GET", "/a").field(HeaderId::host, "h").end();
  EXPECT_EQ(out, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(HeadWriter, KeepsUntrustedTextOnOneLine) {
  std::string out;
  HeadWriter(out).field_sanitized("X", std::string_view("a\r\nY: b\0\x7f\t", 10));
  EXPECT_EQ(out, "X: a  Y: b  \t\r\n");
}

TEST(HeadWriter, DoesNotAllocateOnAWarmBuffer) {
  std::string out;
  out.reserve(256);
  const char* before = out.data();
  HeadWriter(out).status_line(503).field("A", "b").field("C", std::uint64_t{1}).end();
  EXPECT_EQ(out.data(), before);
}

TEST(Method, IsCaseSensitive) {
  for (int i = 0; i < static_cast<int>(Method::other); ++i) {
    const auto method = static_cast<Method>(i);
    EXPECT_EQ(method_from(method_name(method)), method);
  }
  EXPECT_EQ(method_from("get"), Method::other);
  EXPECT_EQ(method_from("GETX"), Method::other);
  EXPECT_EQ(method_from(""), Method::other);
}

TEST(Chunk, WritesSizesInHexadecimal) {
  EXPECT_EQ(ChunkHeader(1).text(), "1\r\n");
  EXPECT_EQ(ChunkHeader(255).text(), "ff\r\n");
  EXPECT_EQ(ChunkHeader(0xffffffffffffffffU).text(), "ffffffffffffffff\r\n");
}

TEST(Chunk, ReadsBackWhatItWrites) {
  std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  append_chunk(out, "hello ");
  append_chunk(out, "");
  append_chunk(out, std::string(300, 'x'));
  HeaderTable trailers;
  trailers.add("X-Sum", "1");
  trailers.add("Content-Length", "5");
  trailers.add("Set-Cookie", "a=b");
  append_last_chunk(out, trailers);
  EXPECT_EQ(testing::both_ways<ResponseParser>(out),
            "head 200 OK 1.1 body=2,0 keep\n  Transfer-Encoding=chunked\nbody hello " +
                std::string(300, 'x') + "\n  X-Sum=1\nend\n");
  out.clear();
  append_last_chunk(out, {});
  EXPECT_EQ(out, last_chunk);
}

}  // namespace
}  // namespace homeostat::http
