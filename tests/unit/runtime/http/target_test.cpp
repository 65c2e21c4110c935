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

}  // namespace
}  // namespace homeostat::http
