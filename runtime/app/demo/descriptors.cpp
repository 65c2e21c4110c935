#include "runtime/app/demo/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace homeostat::demo {

std::size_t raise_descriptor_limit() noexcept {
  constexpr rlim_t enough = 65536;  // epoll itself has no use for more here
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t wanted = std::min(limit.rlim_max, enough);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<std::size_t>(std::min(limit.rlim_cur, enough));
}

}  // namespace homeostat::demo
