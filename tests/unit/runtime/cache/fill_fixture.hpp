// What tests of fills share: a leader, followers, bytes to recognise.
#pragma once

#include <boost/asio/io_context.hpp>

#include "cache_fixture.hpp"

namespace homeostat::cache::testing {

inline std::string read_all(FillReader& reader) {
  std::string text;
  std::string_view views[3];
  while (const std::size_t count = reader.gather(views)) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      text += views[i];
      bytes += views[i].size();
    }
    if (bytes == 0) break;
    reader.consume(bytes);
  }
  return text;
}

inline std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

class FillTest : public ::testing::Test {
 protected:
  FillTest() : FillTest(small_settings()) {}
  explicit FillTest(const config::CacheSettings& settings) : harness_(settings) {}

  FillLeader lead(const std::string& path = "/") {
    request_.path = path;
    FillStart start = harness_.begin(request_);
    EXPECT_EQ(start.kind, FillStart::Kind::leader);
    return std::move(*start.leader);
  }
  FillReader follow(const std::string& path = "/") {
    TestRequest request;
    request.path = path;
    FillStart start = harness_.begin(request);
    EXPECT_EQ(start.kind, FillStart::Kind::follower);
    return std::move(*start.follower);
  }
  bool publish(FillLeader& leader, std::optional<std::uint64_t> length = std::nullopt,
               const FieldList& fields = fresh()) {
    const Request view = request_.view();
    return leader.publish_head(harness_.judge(request_, {200, fields}), length, *view.fields,
                               now());
  }
  Instant now() const { return harness_.clock.now(); }
  Lookup::Kind found(const std::string& path = "/") {
    TestRequest request;
    request.path = path;
    return harness_.find(request).kind;
  }

  Harness harness_;
  TestRequest request_;
  boost::asio::io_context io_;
};

}  // namespace homeostat::cache::testing
