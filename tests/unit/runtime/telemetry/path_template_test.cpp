#include "runtime/telemetry/path_template.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/telemetry/explicit_routes.hpp"

namespace homeostat::telemetry {
namespace {

std::string templated(std::string_view target) {
  TemplateBuffer buffer;
  return to_route(make_template(split_path(target), buffer));
}

TEST(PathTemplate, ReplacesIdentifiersAndKeepsWords) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"/", "/"},
      {"", "/"},
      {"*", "/*"},
      {"/health", "/health"},
      {"/health/", "/health"},
      {"//a///b", "/a/b"},
      {"/book/123", "/book/{id}"},
      {"/book/123?page=4&token=secret", "/book/{id}"},
      {"/book#top", "/book"},
      {"/book?x=/1/2", "/book"},
      {"/book/123/review/9", "/book/{id}/review/{id}"},
      {"/api/v1/books", "/api/v1/books"},
      {"/api/v2beta1/books", "/api/v2beta1/books"},
      {"/report/2024-01-31", "/report/{id}"},
      {"/geo/12.5,-7.25", "/geo/{id}"},
      {"/o/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "/o/{id}"},
      {"/o/6F9619FF-8B86-D011-B42D-00CF4FC964FF", "/o/{id}"},
      {"/o/6f9619ff-8b86-d011-b42d-00cf4fc964fg", "/o/{id}"},  // 36 bytes: too long for a word
      {"/commit/deadbeef", "/commit/{id}"},
      {"/commit/deadbee", "/commit/deadbee"},
      {"/commit/0a1b2c3d4e5f", "/commit/{id}"},
      {"/watch/dQw4w9WgXcQ", "/watch/{id}"},
      {"/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/{id}"},
      {"/n/V1StGXR8_Z5jdHi6B-myT", "/n/{id}"},
      {"/post/my-first-post-2024", "/post/my-first-post-2024"},
      {"/phone/iphone14promax", "/phone/iphone14promax"},
      {"/oauth2callback", "/oauth2callback"},
      {"/getUserOrdersById", "/getUserOrdersById"},
      {"/x/" + std::string(32, 'a') + "b", "/x/{id}"},
      {"/x/" + std::string(31, 'w'), "/x/" + std::string(31, 'w')},
      {"/book/123.json", "/book/{id}.json"},
      {"/image/deadbeef01.png", "/image/{id}.png"},
      {"/index.html", "/index.html"},
      {"/.well-known/acme", "/.well-known/acme"},
      {"http://host:80/book/7?q=1", "/book/{id}"},
      {"http://host", "/"},
      {"/bad\x01\xc3\xa9 \"name", "/bad%01%C3%A9%20\"name"},
      {"/caf\xc3\xa9/123.json", "/caf%C3%A9/{id}.json"},
  };
  for (const auto& [target, route] : table) EXPECT_EQ(templated(target), route) << target;
}

TEST(PathTemplate, BoundsTheLengthOfATemplate) {
  std::string target;
  for (int i = 0; i < 100; ++i) target += "/abcdefghijklmnop";
  const std::string route = templated(target);
  EXPECT_LE(route.size(), route_bytes_max + 4);
  EXPECT_TRUE(route.ends_with("/...")) << route;
}

TEST(PathTemplate, BoundsTheLengthAsItIsShown) {
  std::string target;
  for (int i = 0; i < 10; ++i) target += "/" + std::string(20, '\xe9');
  const std::string route = templated(target);
  EXPECT_EQ(std::count(route.begin(), route.end(), '%'), 40) << route;
  EXPECT_LE(route.size(), route_bytes_max + 4);
  EXPECT_TRUE(route.ends_with("%E9/...")) << route;
}

TEST(PathTemplate, KeepsDifferentBytesApartAndEncodedOnesTogether) {
  EXPECT_NE(templated("/\xc3\xa9"), templated("/\xc3\xa8"));
  EXPECT_EQ(templated("/\xc3\xa9"), templated("/%C3%A9"));
}

TEST(PathTemplate, BoundsTheNumberOfSegments) {
  std::string target;
  for (int i = 0; i < 1000; ++i) target += "/a";
  const std::string route = templated(target);
  EXPECT_TRUE(route.ends_with("/a/...")) << route;
  EXPECT_EQ(std::count(route.begin(), route.end(), '/'), static_cast<long>(route_segments_max));
}

TEST(ExplicitRoutes, PrefersLiteralsThenParametersThenTheRest) {
  const ExplicitRoutes routes(
      {"/book/{id}", "/book/new", "/book/{id}/review/{n}", "/files/*", "/"});
  const auto find = [&routes](std::string_view target) {
    const auto index = routes.find(split_path(target));
    return index ? routes.route(*index) : "none";
  };
  EXPECT_EQ(find("/book/new"), "/book/new");
  EXPECT_EQ(find("/book/anything-at-all"), "/book/{id}");
  EXPECT_EQ(find("/book/7/review/3?x=1"), "/book/{id}/review/{n}");
  EXPECT_EQ(find("/book/new/review/3"), "/book/{id}/review/{n}");
  EXPECT_EQ(find("/book/7/review"), "none");
  EXPECT_EQ(find("/files/a/b/c"), "/files/*");
  EXPECT_EQ(find("/files"), "none");
  EXPECT_EQ(find("/"), "/");
  EXPECT_EQ(find("/other"), "none");
}

TEST(ExplicitRoutes, CoversPathsOfAnyDepthWithARest) {
  const ExplicitRoutes routes({"/a/*"});
  std::string target = "/a";
  for (int i = 0; i < 100; ++i) target += "/b";
  EXPECT_TRUE(routes.find(split_path(target)).has_value());
}

TEST(ExplicitRoutes, RefusesWhatCannotMatch) {
  EXPECT_THROW(ExplicitRoutes({"book/{id}"}), std::invalid_argument);
  EXPECT_THROW(ExplicitRoutes({""}), std::invalid_argument);
  EXPECT_THROW(ExplicitRoutes({"/a/*/b"}), std::invalid_argument);
}

}  // namespace
}  // namespace homeostat::telemetry
