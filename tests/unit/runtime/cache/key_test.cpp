#include "runtime/cache/key.hpp"

#include <set>

#include "cache_fixture.hpp"

namespace homeostat::cache {
namespace {

using testing::at;
using testing::TestRequest;

class KeyTest : public ::testing::Test {
 protected:
  config::CacheSettings settings_ = testing::small_settings();
  std::atomic<unsigned> version_{0};

  std::string key(TestRequest request, std::string_view vary = {},
                  std::string_view authorization = {}) {
    KeyBuilder builder(settings_, 1, version_);
    const KeyView primary = builder.primary(request.view(), authorization);
    return std::string(vary.empty() ? primary.text : builder.variant(vary).text);
  }
};

TEST_F(KeyTest, IsHierarchicalAndReadable) {
  EXPECT_EQ(key(at("/a/b", "x=1")), "hs:default:GET:example.org/a/b:x=1::");
  EXPECT_EQ(key(at("/a/b", "x=1"), "accept-encoding=gzip"),
            "hs:default:GET:example.org/a/b:x=1:accept-encoding=gzip:");
}

TEST_F(KeyTest, HeadSharesTheKeyOfGet) {
  TestRequest head = at("/a");
  head.method = "HEAD";
  EXPECT_EQ(key(head), key(at("/a")));
}

TEST_F(KeyTest, QueryIsSortedAndConfiguredParametersAreDropped) {
  settings_.query_drop = {"utm_*", "fbclid"};
  EXPECT_EQ(key(at("/a", "b=2&a=1&utm_source=x&fbclid=9")), key(at("/a", "a=1&b=2")));
  EXPECT_NE(key(at("/a", "a=1&a=2")), key(at("/a", "a=2&a=1")));
  settings_.query_sort = false;
  EXPECT_NE(key(at("/a", "b=2&a=1")), key(at("/a", "a=1&b=2")));
}

TEST_F(KeyTest, QueryCanBeReducedToNamedParameters) {
  settings_.query_keep = {"page"};
  EXPECT_EQ(key(at("/a", "page=1&x=2")), key(at("/a", "y=3&page=1")));
  EXPECT_NE(key(at("/a", "page=1")), key(at("/a", "page=2")));
}

TEST_F(KeyTest, TrackingParametersAreDroppedOnRequestOnly) {
  EXPECT_NE(key(at("/a", "gclid=1")), key(at("/a")));
  settings_.query_drop_tracking = true;
  EXPECT_EQ(key(at("/a", "gclid=1&utm_medium=x")), key(at("/a")));
  settings_.query_drop = {"own"};
  EXPECT_EQ(key(at("/a", "gclid=1&own=2")), key(at("/a")));
}

TEST_F(KeyTest, EquivalentEncodingsOfTheQueryAreOneKey) {
  EXPECT_EQ(key(at("/a", "q=%7Ex%2fy")), key(at("/a", "q=~x%2Fy")));
  EXPECT_NE(key(at("/a", "q=a%2Fb")), key(at("/a", "q=a/b")));
  EXPECT_NE(key(at("/a", "q=a%26b=1")), key(at("/a", "q=a&b=1")));
  settings_.query_drop = {"utm_*"};
  EXPECT_EQ(key(at("/a", "utm%5Fsource=x")), key(at("/a")));
}

TEST_F(KeyTest, EquivalentEncodingsOfThePathAreOneKey) {
  EXPECT_EQ(key(at("/%7eme/%61%c3%a4")), key(at("/~me/a%C3%A4")));
  EXPECT_NE(key(at("/a%2Fb")), key(at("/a/b")));
}

TEST_F(KeyTest, TheVersionIsPartOfTheNamespaceAndMayChange) {
  KeyBuilder builder(settings_, 1, version_);
  TestRequest request = at("/a");
  EXPECT_EQ(builder.primary(request.view()).text, "hs:default:GET:example.org/a:::");
  version_ = 7;
  EXPECT_EQ(builder.primary(request.view()).text, "hs:default@7:GET:example.org/a:::");
}

TEST_F(KeyTest, SeparatorsInsideComponentsCannotForgeAKey) {
  const std::set<std::string> keys = {
      key(at("/b:c", "")),     key(at("/b", "c")),   key(at("/b", "c:")),    key(at("/b:c:", "")),
      key(at("/b\\:c", "")),   key(at("/b\\", "c")), key(at("/b"), "c"),     key(at("/b", ":c")),
      key(at("/b", "c"), "x"), key(at("/b", "c:x")), key(at("/b\\\\", "c")),
  };
  EXPECT_EQ(keys.size(), 11U);
}

TEST_F(KeyTest, LongKeysBecomeSha256AndStayDistinct) {
  const std::string a = key(at("/" + std::string(300, 'a')));
  const std::string b = key(at("/" + std::string(299, 'a') + "b"));
  EXPECT_TRUE(a.starts_with("hs:default:GET:sha256:"));
  EXPECT_EQ(a.size(), std::string("hs:default:GET:sha256:").size() + 64);
  EXPECT_NE(a, b);
  EXPECT_NE(key(at("/" + std::string(300, 'a')), "accept=x"),
            key(at("/" + std::string(300, 'a')), "accept=y"));
  // Right at the bound: text of 250 characters stays, 251 does not.
  const std::size_t frame = key(at("/")).size();
  EXPECT_EQ(key(at("/" + std::string(key_text_max - frame, 'x'))).size(), key_text_max);
  EXPECT_TRUE(key(at("/" + std::string(key_text_max - frame + 1, 'x')))
                  .starts_with("hs:default:GET:sha256:"));
}

TEST_F(KeyTest, AuthorizationEntersAsAHashOnly) {
  const std::string text = key(at("/a"), {}, "Bearer secret");
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_NE(text, key(at("/a")));
  EXPECT_NE(text, key(at("/a"), {}, "Bearer other"));
}

TEST_F(KeyTest, LocationIsTheSameForAllMethodsAndUsersOfAUri) {
  KeyBuilder builder(settings_, 1, version_);
  TestRequest get = at("/a", "x=1"), post = at("/a", "x=1"), other = at("/a", "x=2");
  post.method = "POST";
  post.body_hash = sha256_hex("body");
  builder.primary(get.view());
  const std::uint64_t location = builder.location();
  builder.primary(post.view(), "Bearer x");
  EXPECT_EQ(builder.location(), location);
  builder.primary(other.view());
  EXPECT_NE(builder.location(), location);
}

}  // namespace
}  // namespace homeostat::cache
