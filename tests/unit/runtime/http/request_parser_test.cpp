#include <gtest/gtest.h>

#include <string>

#include "tests/fuzz/http_transcript.hpp"

namespace homeostat::http {
namespace {

using testing::both_ways;
using testing::transcript;

std::string parse(std::string_view bytes, const ParseLimits& limits = {}) {
  return both_ways<RequestParser>(bytes, limits);
}

std::string with_field(std::string_view line) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(line) + "\r\n\r\n";
}

std::string chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string error_of(std::string_view bytes, const ParseLimits& limits = {}) {
  const std::string story = parse(bytes, limits);
  const std::size_t at = story.rfind("error ");
  return at == std::string::npos ? "accepted: " + story
                                 : story.substr(at + 6, story.size() - at - 7);
}

TEST(RequestParser, ReadsASimpleGet) {
  EXPECT_EQ(parse("GET /a?b=c HTTP/1.1\r\nHost: example.org:80\r\nX-Odd:  v w \t\r\n\r\n"),
            "head GET /a?b=c 1.1 example.org:80 body=0,0 keep\n"
            "  Host=example.org:80\n  X-Odd=v w\nbody \nend\n");
}

TEST(RequestParser, ReadsABodyByLength) {
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
            "head POST / 1.1 a body=1,5 keep\n  Host=a\n  Content-Length=5\nbody hello\nend\n");
}

TEST(RequestParser, ReadsChunksExtensionsAndTrailers) {
  EXPECT_EQ(parse(chunked(
                "5;a=b;c=\"d e\"\r\nhello\r\nA\r\n0123456789\r\n000\r\nX-Sum: 1\r\nY: 2\r\n\r\n")),
            "head POST / 1.1 a body=2,0 keep\n  Host=a\n  Transfer-Encoding=chunked\n"
            "body hello0123456789\n  X-Sum=1\n  Y=2\nend\n");
}

TEST(RequestParser, ReadsPipelinedMessagesAfterEachOther) {
  const std::string one =
      "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: "
      "t\r\n\r\n";
  const std::string two = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string three = "PUT /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(parse(one + two + three), parse(one) + parse(two) + parse(three));
}

TEST(RequestParser, GivesTheSameResultForEverySplitInTwo) {
  const std::string bytes = chunked("5;x\r\nhello\r\n0\r\nT: t\r\n\r\n") +
                            "GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const std::string expected = parse(bytes);
  for (std::size_t split = 1; split < bytes.size(); ++split) {
    RequestParser parser;
    EXPECT_EQ(
        transcript(parser, bytes,
                   [&](std::size_t position) { return position < split ? split : bytes.size(); }),
        expected)
        << "split at " << split;
  }
}

TEST(RequestParser, ToleratesOneEmptyLineBeforeARequest) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parse("\r\n" + get), parse(get));
  EXPECT_EQ(error_of("\r\n\r\n" + get), "400 empty request line");
}

TEST(RequestParser, IsIdleUntilTheFirstByteOfARequest) {
  RequestParser parser;
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("\r\n").consumed, 2U);
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.next("G").event, ParseEvent::need_more);
  EXPECT_FALSE(parser.idle());
  parser.reset();
  EXPECT_TRUE(parser.idle());
}

struct Refusal {
  const char* bytes;
  const char* error;
};

TEST(RequestParser, RefusesMalformedStartLines) {
  const Refusal cases[] = {
      {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid method"},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 blank at start of line"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400 malformed start line"},
      {"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET /a#f HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", "400 invalid request target"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400 malformed request line"},
      {"GET /\r\nHost: a\r\n\r\n", "400 malformed request line"},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", "400 malformed request line"},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "505 unsupported HTTP version"},
      {"GET / HTTP/0.9\r\n\r\n", "505 unsupported HTTP version"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 unsupported HTTP version"},
      {"GET /\x01 HTTP/1.1\r\n", "400 control character"},
      {"GET /\x7f HTTP/1.1\r\n", "400 control character"},
      {"\x16\x03\x01", "400 control character"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(error_of(bytes), error) << bytes;
}

TEST(RequestParser, RefusesLineEndingsThatRecipientsReadDifferently) {
  const Refusal cases[] = {
      {"GET / HTTP/1.1\nHost: a\n\n", "400 bare LF"},
      {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400 bare LF"},
      {"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "400 bare CR"},
      {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "400 bare CR"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400 line folding or leading blank"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "400 line folding or leading blank"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", "400 line folding or leading blank"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(error_of(bytes), error) << bytes;
}

TEST(RequestParser, RefusesMalformedFields) {
  const Refusal cases[] = {
      {"X : y", "400 invalid field name"},
      {": y", "400 invalid field name"},
      {"X", "400 invalid field name"},
      {"X(: y", "400 invalid field name"},
      {"X\xc3\xa9: y", "400 invalid field name"},
      {"X: \x01", "400 control character"},
      {"X: \x7f", "400 control character"},
      {"Connection: a;b", "400 invalid Connection"},
  };
  for (const auto& [line, error] : cases) EXPECT_EQ(error_of(with_field(line)), error) << line;
  EXPECT_EQ(error_of(with_field(std::string("X: a\0b", 6))), "400 control character");
}

TEST(RequestParser, AcceptsUnusualButValidFields) {
  for (const char* line : {"X:", "X: \xc3\xa9", "X: a\tb", "!#$%&'*+-.^_`|~9: y", "X: ,\"(;"}) {
    EXPECT_EQ(error_of(with_field(line)).substr(0, 8), "accepted") << line;
  }
}

TEST(RequestParser, RefusesAmbiguousLengths) {
  const Refusal cases[] = {
      {"Content-Length: 5\r\nTransfer-Encoding: chunked",
       "400 Content-Length with Transfer-Encoding"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5",
       "400 Content-Length with Transfer-Encoding"},
      {"Content-Length: 5\r\nContent-Length: 6", "400 repeated Content-Length"},
      {"Content-Length: 5\r\nContent-Length: 5", "400 repeated Content-Length"},
      {"Content-Length: 5, 5", "400 invalid Content-Length"},
      {"Content-Length: 5,6", "400 invalid Content-Length"},
      {"Content-Length: +5", "400 invalid Content-Length"},
      {"Content-Length: -5", "400 invalid Content-Length"},
      {"Content-Length: 0x5", "400 invalid Content-Length"},
      {"Content-Length: 5 5", "400 invalid Content-Length"},
      {"Content-Length:", "400 invalid Content-Length"},
      {"Content-Length: 99999999999999999999", "400 invalid Content-Length"},
      {"Content-Length: 9999999999999999999", "400 invalid Content-Length"},
      {"Transfer-Encoding: gzip, chunked", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: chunked, gzip", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: chunked, chunked", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: xchunked", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: identity", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: \"chunked\"", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: chunked;q=1", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding:", "400 unsupported Transfer-Encoding"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
       "400 repeated Transfer-Encoding"},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", "400 repeated Transfer-Encoding"},
  };
  for (const auto& [line, error] : cases) EXPECT_EQ(error_of(with_field(line)), error) << line;
  EXPECT_EQ(error_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "400 Transfer-Encoding on HTTP/1.0");
}

TEST(RequestParser, ReadsTransferEncodingInAnyCase) {
  EXPECT_NE(
      parse("POST / HTTP/1.1\r\nhOST: a\r\ntransfer-ENCODING: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
          .find("body x\nend\n"),
      std::string::npos);
}

TEST(RequestParser, RefusesBadChunks) {
  const Refusal cases[] = {
      {"x\r\n", "400 invalid chunk size"},
      {"0x5\r\nhello\r\n", "400 invalid chunk size"},
      {"-5\r\nhello\r\n", "400 invalid chunk size"},
      {"+5\r\nhello\r\n", "400 invalid chunk size"},
      {" 5\r\nhello\r\n", "400 blank at start of line"},
      {"5 \r\nhello\r\n", "400 invalid chunk size"},
      {"5 ;a\r\nhello\r\n", "400 invalid chunk size"},
      {"\r\nhello\r\n", "400 invalid chunk size"},
      {";a\r\nhello\r\n", "400 invalid chunk size"},
      {"5\nhello\r\n", "400 bare LF"},
      {"5;a\nb\r\nhello\r\n", "400 bare LF"},
      {"5;a=\"\n\"\r\nhello\r\n", "400 bare LF"},
      {"5\rhello\r\n", "400 bare CR"},
      {"5;=\r\nhello\r\n", "400 invalid chunk extension"},
      {"5;a b\r\nhello\r\n", "400 invalid chunk extension"},
      {"ffffffffffffffff\r\n", "400 chunk size too large"},
      {"1000000000000000\r\n", "400 chunk size too large"},
      {"0000000000000005\r\nhello\r\n", "400 chunk size too large"},
      {"5\r\nhelloX\r\n", "400 missing CRLF after chunk data"},
      {"5\r\nhello\rX", "400 missing CRLF after chunk data"},
      {"5\r\nhello\n0\r\n\r\n", "400 missing CRLF after chunk data"},
      {"0\r\n X: y\r\n\r\n", "400 line folding or leading blank"},
      {"0\r\nX : y\r\n\r\n", "400 invalid field name"},
      {"0\r\nX: y\n\r\n", "400 bare LF"},
      {"0\r\nContent-Length: 5\r\n\r\n", "400 invalid Content-Length"},
      {"0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 invalid Transfer-Encoding"},
  };
  for (const auto& [body, error] : cases) EXPECT_EQ(error_of(chunked(body)), error) << body;
}

TEST(RequestParser, BoundsChunkExtensions) {
  const std::string fits = "1;" + std::string(255, 'a') + "\r\nx\r\n0\r\n\r\n";
  const std::string over = "1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n";
  EXPECT_EQ(error_of(chunked(fits)).substr(0, 8), "accepted");
  EXPECT_EQ(error_of(chunked(over)), "400 chunk extension too long");
  EXPECT_EQ(error_of(chunked("1;" + std::string(5000, 'a'))), "400 chunk line too long");
}

TEST(RequestParser, DemandsOneValidHost) {
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nX: y\r\n\r\n"), "400 missing Host");
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\n\r\n"), "400 missing Host");
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), "400 repeated Host");
  for (const char* host : {"", "a b", "a/b", "a@b", "a,b", "a#", "a?", "a:x", "a:65536", "a:1:2",
                           "[::1", "[::1]x", "[g::]", "[]", "a%2", "a%zz", "\"a\"", "a\\"}) {
    EXPECT_EQ(error_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"),
              "400 invalid Host")
        << host;
  }
  for (const char* host :
       {"a", "A-b.c_d:8080", "127.0.0.1:1", "[::1]", "[2001:db8::1]:443", "a:", "x%20y"}) {
    EXPECT_EQ(error_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").substr(0, 8),
              "accepted")
        << host;
  }
  EXPECT_EQ(error_of("GET / HTTP/1.0\r\n\r\n").substr(0, 8), "accepted");
}

TEST(RequestParser, DerivesPersistenceUpgradeAndExpectation) {
  const auto has = [](const std::string& bytes, const char* word) {
    const std::string story = parse(bytes);
    return story.substr(0, story.find('\n')).find(word) != std::string::npos;
  };
  EXPECT_TRUE(has(with_field("X: y"), " keep"));
  EXPECT_TRUE(has(with_field("Connection: foo, Close"), " close"));
  EXPECT_TRUE(has(with_field("Connection: foo\r\nConnection: close"), " close"));
  EXPECT_TRUE(has("GET / HTTP/1.0\r\n\r\n", " close"));
  EXPECT_TRUE(has("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", " keep"));
  EXPECT_TRUE(has(with_field("Connection: Upgrade\r\nUpgrade: websocket"), " upgrade"));
  EXPECT_FALSE(has(with_field("Upgrade: websocket"), " upgrade"));
  EXPECT_FALSE(has(with_field("Connection: Upgrade"), " upgrade"));
  EXPECT_FALSE(has(with_field("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"), " upgrade"));
  EXPECT_TRUE(has("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
                  " expect"));
  EXPECT_FALSE(has(with_field("Expect: 100-continue"), " expect"));
}

TEST(RequestParser, EnforcesItsLimits) {
  ParseLimits limits;
  limits.head_bytes_max = 100;
  limits.target_bytes_max = 20;
  limits.field_count_max = 3;
  limits.body_bytes_max = 4;
  limits.trailer_bytes_max = 30;
  limits.trailer_count_max = 1;
  const std::string host = " HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(error_of("GET /" + std::string(19, 'a') + host + "\r\n", limits).substr(0, 8),
            "accepted");
  EXPECT_EQ(error_of("GET /" + std::string(20, 'a') + host + "\r\n", limits),
            "414 request target too long");
  EXPECT_EQ(error_of("GET /" + std::string(200, 'a'), limits), "414 start line too long");
  EXPECT_EQ(error_of("GET /" + host + "X: " + std::string(100, 'b'), limits), "431 head too large");
  EXPECT_EQ(error_of("GET /" + host + "A: 1\r\nB: 2\r\n\r\n", limits).substr(0, 8), "accepted");
  EXPECT_EQ(error_of("GET /" + host + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits),
            "431 too many fields");
  EXPECT_EQ(error_of("PUT /" + host + "Content-Length: 5\r\n\r\n", limits), "413 body too large");
  const std::string coded = "PUT /" + host + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(error_of(coded + "2\r\nab\r\n3\r\nabc\r\n0\r\n\r\n", limits), "413 body too large");
  EXPECT_EQ(error_of(coded + "2\r\nab\r\n0\r\nA: 1\r\nB: 2\r\n\r\n", limits),
            "431 too many fields");
  EXPECT_EQ(error_of(coded + "0\r\nA: " + std::string(40, 'a'), limits), "431 trailers too large");
}

TEST(RequestParser, LeavesOutFieldsWithUnderscoresWhereTold) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nX_Real_IP: 10.0.0.1\r\nContent_Length: 5\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\nX_Trailer: 1\r\nX-Trailer: 2\r\n\r\n";
  for (const bool underscores : {false, true}) {
    ParseLimits limits;
    limits.underscores = underscores;
    RequestParser parser(limits);
    const ParseStep head = parser.next(bytes);
    ASSERT_EQ(head.event, ParseEvent::head);
    EXPECT_EQ(parser.head().headers.size(), underscores ? 4U : 2U);
    EXPECT_EQ(parser.head().fields_dropped, underscores ? 0U : 2U);
    ASSERT_EQ(parser.next(std::string_view(bytes).substr(head.consumed)).event, ParseEvent::end);
    EXPECT_EQ(parser.trailers().size(), underscores ? 2U : 1U);
    parser.reset();
    ASSERT_EQ(parser.next("GET / HTTP/1.1\r\nHost: a\r\n\r\n").event, ParseEvent::head);
    EXPECT_EQ(parser.head().fields_dropped, 0U);
  }
}

TEST(RequestParser, AcceptsAHeadOfExactlyTheLimit) {
  const std::string bytes = with_field("X: y");
  ParseLimits limits;
  limits.head_bytes_max = bytes.size();
  EXPECT_EQ(error_of(bytes, limits).substr(0, 8), "accepted");
  limits.head_bytes_max = bytes.size() - 1;
  EXPECT_EQ(error_of(bytes, limits), "431 head too large");
}

TEST(RequestParser, HoldsMoreFieldsThanFitInline) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 255; ++i) bytes += "X-" + std::to_string(i) + ": v\r\n";
  ParseLimits limits;
  limits.field_count_max = 1000;
  RequestParser parser(limits);
  ASSERT_EQ(parser.next(bytes + "\r\n").event, ParseEvent::head);
  EXPECT_EQ(parser.head().headers.size(), 256U);
  EXPECT_EQ(error_of(bytes + "Y: one too many\r\n\r\n", limits), "431 too many fields");
}

TEST(RequestParser, KeepsHeadViewsWhileTheBodyComesInOtherBuffers) {
  const std::string head = "POST /path HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
  RequestParser parser;
  ASSERT_EQ(parser.next(head).event, ParseEvent::head);
  EXPECT_EQ(parser.next("").event, ParseEvent::need_more);
  EXPECT_EQ(parser.next("abc").body, "abc");
  const ParseStep last = parser.next("defGET");
  EXPECT_EQ(last.body, "def");
  EXPECT_EQ(last.consumed, 3U);
  EXPECT_EQ(parser.next("GET").event, ParseEvent::end);
  EXPECT_EQ(parser.head().target, "/path");
}

TEST(RequestParser, TakesALengthOfZeroForNoBody) {
  RequestParser parser;
  ASSERT_EQ(parser.next("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").event,
            ParseEvent::head);
  EXPECT_EQ(parser.head().body, BodyKind::none);
  EXPECT_TRUE(parser.head().headers.has(HeaderId::content_length));
}

}  // namespace
}  // namespace homeostat::http
