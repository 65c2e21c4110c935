#include "runtime/proxy/upstream_target.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "config/settings/address_text.hpp"

namespace homeostat::proxy {
namespace {

std::vector<SocketAddress> unix_address(const std::string& path, std::string& error) {
  SocketAddress address;
  auto* unix_part = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.size() >= sizeof unix_part->sun_path) {
    error = "Unix socket path is longer than " + std::to_string(sizeof unix_part->sun_path - 1) +
            " bytes: " + path;
    return {};
  }
  unix_part->sun_family = AF_UNIX;
  std::memcpy(unix_part->sun_path, path.c_str(), path.size() + 1);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return {address};
}

}  // namespace

std::vector<SocketAddress> resolve(const config::Address& address, bool passive,
                                   std::string& error) {
  if (!address.unix_path.empty()) return unix_address(address.unix_path, error);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const char* host = address.host.empty() ? nullptr : address.host.c_str();
  if (const int code = ::getaddrinfo(host, port.c_str(), &hints, &found); code != 0) {
    error = "cannot resolve " + config::to_string(address) + ": " + ::gai_strerror(code);
    return {};
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr && addresses.size() < 16;
       entry = entry->ai_next) {
    SocketAddress one;
    std::memcpy(&one.storage, entry->ai_addr, entry->ai_addrlen);
    one.length = entry->ai_addrlen;
    addresses.push_back(one);
  }
  ::freeaddrinfo(found);
  return addresses;
}

UpstreamTarget::UpstreamTarget(config::UpstreamTarget settings,
                               std::vector<SocketAddress> addresses)
    : settings_(std::move(settings)),
      name_(config::to_string(settings_.address)),
      addresses_(std::move(addresses)) {}

SocketAddress UpstreamTarget::next_address() {
  const std::lock_guard lock(mutex_);
  return addresses_[next_ % addresses_.size()];
}

void UpstreamTarget::address_failed() {
  const std::lock_guard lock(mutex_);
  ++next_;
}

std::size_t UpstreamTarget::address_count() {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

void UpstreamTarget::set_addresses(std::vector<SocketAddress> addresses) {
  if (addresses.empty()) return;  // keep what worked
  const std::lock_guard lock(mutex_);
  addresses_ = std::move(addresses);
}

bool UpstreamTarget::healthy(Instant now) const noexcept {
  return active_healthy_.load(std::memory_order_relaxed) &&
         now.time_since_epoch().count() >= ejected_until_.load(std::memory_order_relaxed);
}

bool UpstreamTarget::note_failure(Instant now, unsigned failures_max, Duration ejection) noexcept {
  const std::uint32_t failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (failures < failures_max) return false;
  const bool was_healthy = healthy(now);
  ejected_until_.store((now + ejection).time_since_epoch().count(), std::memory_order_relaxed);
  return was_healthy;
}

void UpstreamTarget::note_success() noexcept {
  // Read first: the common case must not dirty a cache line shared by workers.
  if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  if (ejected_until_.load(std::memory_order_relaxed) != 0) {
    ejected_until_.store(0, std::memory_order_relaxed);
  }
}

bool UpstreamTarget::take_connection(std::size_t max) noexcept {
  if (connections_.fetch_add(1, std::memory_order_relaxed) < max) return true;
  connections_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

UpstreamSet::UpstreamSet(const config::UpstreamSettings& settings) : settings_(settings) {
  for (const config::UpstreamTarget& target : settings.targets) {
    std::string error;
    std::vector<SocketAddress> addresses = resolve(target.address, false, error);
    if (addresses.empty()) throw std::runtime_error("upstream: " + error);
    targets_.push_back(std::make_unique<UpstreamTarget>(target, std::move(addresses)));
  }
  if (targets_.empty()) throw std::runtime_error("upstream: no target configured");
}

UpstreamTarget& UpstreamSet::choose(Instant now, const UpstreamTarget* avoid,
                                    std::uint32_t turn) noexcept {
  UpstreamTarget* best = nullptr;
  std::uint64_t best_rank = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    UpstreamTarget& target = *targets_[(i + turn) % targets_.size()];
    const std::uint64_t rank = (target.healthy(now) ? 0 : std::uint64_t{1} << 40) +
                               (&target == avoid ? std::uint64_t{1} << 33 : 0) + target.in_flight();
    if (best == nullptr || rank < best_rank) {
      best = &target;
      best_rank = rank;
    }
  }
  return *best;
}

void UpstreamSet::resolve_again() {
  for (const auto& target : targets_) {
    std::string ignored;  // what worked stays in force
    target->set_addresses(resolve(target->settings().address, false, ignored));
  }
}

bool UpstreamSet::any_healthy(Instant now) const noexcept {
  for (const auto& target : targets_) {
    if (target->healthy(now)) return true;
  }
  return false;
}

}  // namespace homeostat::proxy
