#include "runtime/redis/command.hpp"

#include <hiredis/hiredis.h>

#include <memory>
#include <new>
#include <vector>

namespace homeostat::redis {

std::string make_command(std::span<const std::string_view> arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(arguments.size());
  sizes.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.empty() ? "" : argument.data());
    sizes.push_back(argument.size());
  }
  sds text = nullptr;
  const int size = redisFormatSdsCommandArgv(&text, static_cast<int>(arguments.size()),
                                             texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, void (*)(char*)> guard(text, redisFreeSdsCommand);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace homeostat::redis
