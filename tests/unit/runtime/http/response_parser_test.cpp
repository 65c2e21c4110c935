#include <gtest/gtest.h>

#include <string>

#include "tests/fuzz/http_transcript.hpp"

namespace homeostat::http {
namespace {

using testing::both_ways;

std::string parse(std::string_view bytes, const ResponseContext& context = {},
                  const ParseLimits& limits = {}) {
  return both_ways<ResponseParser>(bytes, limits, context);
}

bool ends_with(const std::string& text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}

TEST(ResponseParser, ReadsBodiesByLengthAndByChunks) {
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            "head 200 OK 1.1 body=1,2 keep\n  Content-Length=2\nbody hi\nend\n");
  EXPECT_EQ(
      parse("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: "
            "b\r\n\r\n"),
      "head 404 Not Found 1.1 body=2,0 keep\n  Transfer-Encoding=chunked\nbody hi\n  A=b\nend\n");
}

TEST(ResponseParser, ReadsUntilCloseWhenNoLengthIsGiven) {
  EXPECT_EQ(parse("HTTP/1.0 200 OK\r\n\r\nall of it"),
            "head 200 OK 1.0 body=3,0 close\nbody all of it\nend\n");
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\n\r\n"), "head 200 OK 1.1 body=3,0 close\nbody \nend\n");
}

TEST(ResponseParser, KnowsAnotherProtocolByItsFirstBytes) {
  for (const char* greeting : {"SSH-2.0-foo", "220 smtp", "HTTX", "\x16\x03", "\r\n"}) {
    ResponseParser parser(ParseLimits{});
    const ParseStep step = parser.next(greeting);
    EXPECT_EQ(step.event, ParseEvent::error) << greeting;
    EXPECT_EQ(step.error.reason, "not an HTTP/1 response") << greeting;
  }
  ResponseParser parser(ParseLimits{});
  const std::string_view start = "HTTP/1.";
  for (std::size_t size = 0; size <= start.size(); ++size) {
    EXPECT_EQ(parser.next(start.substr(0, size)).event, ParseEvent::need_more) << size;
  }
}

TEST(ResponseParser, TellsTruncationFromTheEnd) {
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"),
                        "hierror 502 truncated response\n"));
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"),
                        "error 502 truncated response\n"));
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
                        "error 502 truncated response\n"));
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nConte"), "error 502 truncated response\n");
  EXPECT_EQ(parse(""), "error 502 closed before a response\n");
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 100 Continue\r\n\r\n"), "error 502 truncated response\n"));
}

TEST(ResponseParser, KnowsWhichResponsesHaveNoBody) {
  ResponseContext head;
  head.head_request = true;
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", head),
            "head 200 OK 1.1 body=0,500 keep\n  Content-Length=500\nbody \nend\n");
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head),
            "head 200 OK 1.1 body=0,0 keep\n  Transfer-Encoding=chunked\nbody \nend\n");
  EXPECT_EQ(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
            "head 304 Not Modified 1.1 body=0,9 keep\n  Content-Length=9\nbody \nend\n");
  EXPECT_EQ(parse("HTTP/1.1 204 No Content\r\n\r\n"),
            "head 204 No Content 1.1 body=0,0 keep\nbody \nend\n");
}

TEST(ResponseParser, DoesNotReuseAConnectionWhose204PromisesABody) {
  EXPECT_EQ(parse("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"),
            "head 204 No Content 1.1 body=0,3 close\n  Content-Length=3\nbody \nend\n");
}

TEST(ResponseParser, ReportsInterimResponsesBeforeTheFinalOne) {
  EXPECT_EQ(parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "interim head 100 Continue 1.1 body=0,0 keep\n"
            "interim head 103 Early Hints 1.1 body=0,0 keep\n  Link=x\n"
            "head 200 OK 1.1 body=1,1 keep\n  Content-Length=1\nbody x\nend\n");
}

TEST(ResponseParser, BoundsTheNumberOfInterimResponses) {
  std::string bytes;
  for (int i = 0; i < 17; ++i) bytes += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_TRUE(ends_with(parse(bytes), "error 502 too many interim responses\n"));
}

TEST(ResponseParser, HandsOverTheBytesAfterAnUpgrade) {
  ResponseContext context;
  context.upgrade_requested = true;
  EXPECT_EQ(parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x81raw", context),
            "head 101 Switching Protocols 1.1 body=0,0 close upgrade\n  Upgrade=x\nbody \nend\n"
            "tunnel \x81raw\n");
  EXPECT_EQ(parse("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            "error 502 upgrade that was not asked for\n");
}

TEST(ResponseParser, TreatsASuccessfulConnectAsATunnel) {
  ResponseContext context;
  context.connect_request = true;
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\n\r\nraw", context), "end\ntunnel raw\n"));
  EXPECT_TRUE(
      ends_with(parse("HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx", context), "body x\nend\n"));
}

TEST(ResponseParser, AcceptsAMissingReasonPhrase) {
  for (const char* line : {"HTTP/1.1 200", "HTTP/1.1 200 "}) {
    EXPECT_EQ(parse(std::string(line) + "\r\nContent-Length: 1\r\n\r\nx"),
              "head 200  1.1 body=1,1 keep\n  Content-Length=1\nbody x\nend\n");
  }
  EXPECT_EQ(parse("HTTP/1.1 204\r\n\r\n"), "head 204  1.1 body=0,0 keep\nbody \nend\n");
}

TEST(ResponseParser, RefusesBadFramingAs502) {
  for (const char* fields :
       {"Content-Length: 1\r\nTransfer-Encoding: chunked", "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length: 1", "Content-Length: x", "Content-Length: +1",
        "Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked", "X : y", "X: y\r\n z",
        "X: a\nY: b", "X: a\rb", "X: \x01"}) {
    const std::string story = parse("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n");
    EXPECT_EQ(story.substr(0, 10), "error 502 ") << fields;
  }
  EXPECT_EQ(parse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "error 502 Transfer-Encoding on HTTP/1.0\n");
}

TEST(ResponseParser, RefusesBadStatusLines) {
  for (const char* line :
       {"HTTP/2.0 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 X",
        "HTTP/1.1  200 OK", "HTTP/1.1 abc", "http/1.1 200 OK", "200 OK", "", "SSH-2.0-x"}) {
    EXPECT_EQ(parse(std::string(line) + "\r\n\r\n").substr(0, 10), "error 502 ") << line;
  }
}

TEST(ResponseParser, BoundsTheBody) {
  ParseLimits limits;
  limits.body_bytes_max = 4;
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\n\r\nabcde", {}, limits),
                        "abcderror 502 body too large\n"));
  EXPECT_TRUE(ends_with(parse("HTTP/1.1 200 OK\r\n\r\nabcd", {}, limits), "body abcd\nend\n"));
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {}, limits),
            "error 502 body too large\n");
}

TEST(ResponseParser, IsIdleUntilTheFirstByteAndNotAfterAnInterimResponse) {
  ResponseParser parser;
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("").event, ParseEvent::need_more);
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("HTTP/1.1 100 Continue\r\n\r\n").event, ParseEvent::interim);
  EXPECT_EQ(parser.next("").event, ParseEvent::need_more);
  EXPECT_FALSE(parser.idle());
  parser.reset({});
  EXPECT_TRUE(parser.idle());
}

TEST(ResponseParser, ServesManyResponsesOnOneConnection) {
  ResponseParser parser;
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  for (int i = 0; i < 3; ++i) {
    parser.reset({});
    ASSERT_EQ(parser.next(bytes).event, ParseEvent::head);
    const std::string_view rest = std::string_view(bytes).substr(bytes.size() - 1);
    EXPECT_EQ(parser.next(rest).body, "x");
    EXPECT_EQ(parser.next("").event, ParseEvent::end);
  }
}

}  // namespace
}  // namespace homeostat::http
