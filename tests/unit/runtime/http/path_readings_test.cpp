// Paths that servers read differently.
#include "runtime/http/path_readings.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace homeostat::http {
namespace {

bool reads_as(std::string_view path, std::string_view wanted) {
  const std::vector<std::string> readings = path_readings(path);
  return std::find(readings.begin(), readings.end(), wanted) != readings.end();
}

TEST(PathReadings, WhatReachesTheSamePlaceIsRecognised) {
  for (const char* spelled :
       {"//login", "/./login", "/x/../login", "/x/..;a=1/login", "/login;a", "/login;a=1;b",
        "/x//..//../login", "/x%2F..%2Flogin", "/%2Flogin", "\\login", "/x\\..\\login",
        "/x/%252e%252e/login", "/x/%25252e%25252e/login", "/login%00.png", "/../../login",
        "/login%3Ba"}) {
    const std::string path = spelled[0] == '/' ? spelled : "/" + std::string(spelled);
    EXPECT_TRUE(reads_as(path, "/login")) << path;
    EXPECT_EQ(path_readings(path).front(), "/login") << path;
  }
}

TEST(PathReadings, ServersThatDoLessAreCoveredToo) {
  EXPECT_TRUE(reads_as("//reports/..%2Fx", "/reports/..%2Fx")) << "merges, decodes nothing";
  EXPECT_TRUE(reads_as("/a//../login", "/a/login")) << "resolves dots, merges nothing";
  EXPECT_TRUE(reads_as("//a/../b", "/a/../b")) << "merges, resolves nothing";
  EXPECT_TRUE(reads_as("/a;x/../b", "/b"));
  EXPECT_TRUE(reads_as("/a/./", "/a/"));
  EXPECT_TRUE(reads_as("/a/..", "/"));
}

TEST(PathReadings, ClearPathsHaveNone) {
  for (const char* clear :
       {"/", "/a", "/a/b/", "/a/.well-known", "/a..b", "/...", "/a%20b", "*", ""}) {
    EXPECT_TRUE(path_readings(clear).empty()) << clear;
  }
}

TEST(PathReadings, AreFewAndNeverLongerThanThePath) {
  std::string path;
  for (int i = 0; i < 2000; ++i) path += "/;%2F..\\%25252e//.";
  const std::vector<std::string> readings = path_readings(path);
  EXPECT_LE(readings.size(), 15U);
  for (const std::string& reading : readings) {
    EXPECT_LE(reading.size(), path.size());
    EXPECT_EQ(reading.front(), '/');
  }
}

}  // namespace
}  // namespace homeostat::http
