#include "runtime/http/target.hpp"

#include <gtest/gtest.h>

namespace homeostat::http {
namespace {

TEST(RequestTarget, SplitsOriginForm) {
  const auto t = parse_target(Method::get, "/a/b?c=d?e");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->form, TargetForm::origin);
  EXPECT_EQ(t->path, "/a/b");
  EXPECT_EQ(t->query, "c=d?e");
  EXPECT_TRUE(t->has_query);
  EXPECT_EQ(t->path_query, "/a/b?c=d?e");
  EXPECT_EQ(effective_host(*t, "h"), "h");
  EXPECT_FALSE(parse_target(Method::get, "/a")->has_query);
  EXPECT_TRUE(parse_target(Method::get, "/a?")->has_query);
}

TEST(RequestTarget, SplitsAbsoluteFormAndPrefersItsHost) {
  const auto t = parse_target(Method::get, "HTTP://example.org:8080/a?b");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->form, TargetForm::absolute);
  EXPECT_EQ(t->scheme, "HTTP");
  EXPECT_EQ(t->authority, "example.org:8080");
  EXPECT_EQ(t->path, "/a");
  EXPECT_EQ(t->path_query, "/a?b");
  EXPECT_EQ(effective_host(*t, "other"), "example.org:8080");
  EXPECT_EQ(parse_target(Method::get, "http://a")->path_query, "/");
  const auto bare = parse_target(Method::get, "http://a?x");
  EXPECT_EQ(bare->path, "/");
  EXPECT_EQ(bare->query, "x");
}

TEST(RequestTarget, MeansTheWholeServerByOptionsOfAnAbsoluteFormWithoutPathAndQuery) {
  for (const char* text : {"http://a.example", "http://a.example:8001", "http://[::1]"}) {
    EXPECT_EQ(parse_target(Method::options, text)->path_query, "*") << text;
    EXPECT_EQ(parse_target(Method::options, text)->path, "*") << text;
    EXPECT_EQ(parse_target(Method::get, text)->path_query, "/") << text;
  }
  EXPECT_EQ(parse_target(Method::options, "http://a.example/")->path_query, "/");
  EXPECT_EQ(parse_target(Method::options, "http://a.example/a.example")->path, "/a.example");
  EXPECT_EQ(parse_target(Method::options, "http://a.example?q")->path, "/");
}

TEST(RequestTarget, LimitsAuthorityAndAsteriskToTheirMethods) {
  EXPECT_EQ(parse_target(Method::connect, "a:443")->authority, "a:443");
  EXPECT_EQ(parse_target(Method::connect, "[::1]:443")->form, TargetForm::authority);
  EXPECT_EQ(parse_target(Method::options, "*")->form, TargetForm::asterisk);
  for (const char* bad : {"a", "[::1]", "a:", "http://a/", "/"})
    EXPECT_FALSE(parse_target(Method::connect, bad)) << bad;
  EXPECT_FALSE(parse_target(Method::get, "*"));
  EXPECT_FALSE(parse_target(Method::get, "a:443"));
}

TEST(RequestTarget, RefusesOtherForms) {
  for (const char* bad : {"", "a", "?a", "/a#b", "http:///x", "http://", "ftp://a/",
                          "http://u:p@a/", "//#", "http:/a"}) {
    EXPECT_FALSE(parse_target(Method::get, bad)) << bad;
  }
}

TEST(RequestTarget, KnowsPathsThatServersReadDifferently) {
  for (const char* bad : {"/static/../account", "/static/..", "/..", "/.", "/a/./b", "/a//b", "//a",
                          "/a//", "/static/..;x/account", "/static/..%2Faccount", "/a%2Fb",
                          "/a%5Cb", "/a\\b", "/a%00", "/a%252e%252e/b"}) {
    EXPECT_TRUE(ambiguous_path(bad)) << bad;
  }
  for (const char* good : {"/", "/a", "/a/", "/a/.well-known", "/.well-known/x", "/a..b", "/...",
                           "/a/..b/c", "/a;v=1/b", "/a%20b", "/%C3%A4", "*", ""}) {
    EXPECT_FALSE(ambiguous_path(good)) << good;
  }
}

TEST(RequestTarget, KnowsPathsThatToSomeServersEndEarlier) {
  for (const char* bad : {"/account;a.css", "/a;v=1/b", "/account%3Ba.css", "/account%3Fa.css",
                          "/account%23a.css", "/account%0Aa.css", "/account%0D", "/;"}) {
    EXPECT_TRUE(delimited_path(bad)) << bad;
  }
  for (const char* good : {"/", "/a.css", "/a%20b", "/a%2Cb", "/%C3%A4", "/a%3", "/a%", "*", ""}) {
    EXPECT_FALSE(delimited_path(good)) << good;
  }
}

}  // namespace
}  // namespace homeostat::http
