#include "tests/support/redis_client.hpp"

#include <hiredis/hiredis.h>

#include <stdexcept>

namespace homeostat::test {
namespace {

constexpr timeval patience{15, 0};

void append(const redisReply& reply, std::string& text) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER: text += std::to_string(reply.integer); break;
    case REDIS_REPLY_NIL: break;
    case REDIS_REPLY_ARRAY:
      for (std::size_t i = 0; i < reply.elements; ++i) {
        if (i > 0) text += ' ';
        append(*reply.element[i], text);
      }
      break;
    case REDIS_REPLY_ERROR: text += "ERROR "; [[fallthrough]];
    default: text.append(reply.str, reply.len);
  }
}

}  // namespace

void RedisClient::Free::operator()(redisContext* context) const noexcept { redisFree(context); }

RedisClient::RedisClient(std::uint16_t port, const std::string& password)
    : context_(redisConnectWithTimeout("127.0.0.1", port, patience)) {
  if (!context_ || context_->err != 0) throw std::runtime_error("cannot connect to Redis");
  redisSetTimeout(context_.get(), patience);
  if (!password.empty()) run({"AUTH", password});
}

RedisClient::RedisClient(const std::string& unix_path)
    : context_(redisConnectUnixWithTimeout(unix_path.c_str(), patience)) {
  if (!context_ || context_->err != 0) throw std::runtime_error("cannot connect to Redis");
  redisSetTimeout(context_.get(), patience);
}

RedisClient::~RedisClient() = default;

std::string RedisClient::run(const std::vector<std::string>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  const std::unique_ptr<redisReply, void (*)(void*)> reply(
      static_cast<redisReply*>(redisCommandArgv(context_.get(), static_cast<int>(texts.size()),
                                                texts.data(), sizes.data())),
      freeReplyObject);
  if (!reply) throw std::runtime_error("no reply from Redis: " + std::string(context_->errstr));
  std::string text;
  append(*reply, text);
  return text;
}

}  // namespace homeostat::test
