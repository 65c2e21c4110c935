// A blocking Redis client for tests: what they arrange and check by hand.
//
// Thread safety: none. Errors: std::runtime_error; every call has a deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct redisContext;

namespace homeostat::test {

class RedisClient {
 public:
  /// TCP on loopback.
  explicit RedisClient(std::uint16_t port, const std::string& password = {});
  explicit RedisClient(const std::string& unix_path);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  /// The reply flattened to text: nil is empty, arrays are joined by blanks, errors
  /// begin with "ERROR ".
  std::string run(const std::vector<std::string>& arguments);

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept;
  };
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace homeostat::test
