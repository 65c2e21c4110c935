#include "runtime/app/descriptors.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace homeostat::app {
namespace {

constexpr std::size_t own_descriptors = 64;

}  // namespace

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<std::size_t>(
      std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<std::size_t>::max()));
}

std::size_t client_connections_for(std::size_t descriptors,
                                   const config::AdminSettings& admin) noexcept {
  const std::size_t reserve = admin.connections_max + own_descriptors;
  return descriptors > reserve + 2 ? (descriptors - reserve) / 2 : 1;
}

std::string descriptor_warning(std::size_t descriptors, std::size_t allowed, std::size_t wanted) {
  if (allowed >= wanted) return {};
  return fmt::format(
      "the limit of {} open files allows {} client connections, fewer than "
      "server.connections_max ({}): further ones are closed at once; raise the hard limit "
      "(`ulimit -Hn`, LimitNOFILE= in systemd) or lower server.connections_max",
      descriptors, allowed, wanted);
}

}  // namespace homeostat::app
