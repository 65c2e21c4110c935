#include "runtime/proxy/upstream_target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
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

/// A whole target needs more evidence than one of its endpoints, so that an
/// endpoint that fails alone opens first.
rules::BreakerBounds bounds_of(const config::BreakerSettings& settings, unsigned volume_factor) {
  return {.failure_ratio = settings.failure_ratio,
          .slow_ratio = settings.slow_ratio,
          .volume_min = settings.volume_min * volume_factor,
          .unanswered_max = settings.unanswered_max,
          .window = settings.window,
          .probe_interval = settings.probe_interval,
          .recovery = settings.recovery};
}

}  // namespace

bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

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
  for (const addrinfo* entry = found; entry != nullptr && addresses.size() < addresses_max;
       entry = entry->ai_next) {
    SocketAddress one;
    std::memcpy(&one.storage, entry->ai_addr, entry->ai_addrlen);
    one.length = entry->ai_addrlen;
    addresses.push_back(one);
  }
  ::freeaddrinfo(found);
  return addresses;
}

bool has_name(const config::Address& address) {
  if (!address.unix_path.empty()) return false;
  in6_addr parsed{};
  return ::inet_pton(AF_INET, address.host.c_str(), &parsed) != 1 &&
         ::inet_pton(AF_INET6, address.host.c_str(), &parsed) != 1;
}

UpstreamTarget::UpstreamTarget(config::UpstreamTarget settings,
                               std::vector<SocketAddress> addresses,
                               const config::BreakerSettings& breaker, std::size_t endpoints,
                               Instant now)
    : settings_(std::move(settings)),
      name_(config::to_string(settings_.address)),
      addresses_(std::move(addresses)),
      endpoint_bounds_(bounds_of(breaker, 1)),
      breaker_(bounds_of(breaker, 2), now),
      endpoint_count_(std::max<std::size_t>(endpoints, 1)),
      endpoints_(std::make_unique<std::atomic<EndpointBreaker*>[]>(endpoint_count_)) {}

UpstreamTarget::~UpstreamTarget() {
  for (std::size_t i = 0; i < endpoint_count_; ++i) delete endpoints_[i].load();
}

SocketAddress UpstreamTarget::next_address() {
  const std::lock_guard lock(mutex_);
  return addresses_[next_ % addresses_.size()];
}

void UpstreamTarget::address_failed() {
  const std::lock_guard lock(mutex_);
  ++next_;
}

std::size_t UpstreamTarget::address_count() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

std::vector<SocketAddress> UpstreamTarget::addresses() const {
  const std::lock_guard lock(mutex_);
  return addresses_;
}

bool UpstreamTarget::set_addresses(std::vector<SocketAddress> addresses) {
  if (addresses.empty()) return false;  // keep what worked
  const std::lock_guard lock(mutex_);
  if (std::is_permutation(addresses.begin(), addresses.end(), addresses_.begin(),
                          addresses_.end())) {
    return false;
  }
  addresses_ = std::move(addresses);
  return true;
}

bool UpstreamTarget::healthy(Instant now) const {
  return active_health() &&
         (breaker_.closed() || breaker_.view(now).state != rules::BreakerState::open);
}

EndpointBreaker& UpstreamTarget::endpoint(rules::EndpointId id, Instant now) {
  std::atomic<EndpointBreaker*>& place = endpoints_[id < endpoint_count_ ? id : 0];
  if (EndpointBreaker* known = place.load(std::memory_order_acquire)) return *known;
  auto fresh = std::make_unique<EndpointBreaker>(endpoint_bounds_, now);
  EndpointBreaker* expected = nullptr;
  if (!place.compare_exchange_strong(expected, fresh.get())) return *expected;
  return *fresh.release();
}

bool UpstreamTarget::ejected(Instant now) const {
  if (breaker_.closed()) return false;
  const BreakerView view = breaker_.view(now);
  return view.state == rules::BreakerState::open && view.cause == rules::BreakerCause::outlier;
}

void UpstreamTarget::eject(Instant now, const rules::OutlierBounds& bounds) {
  const std::lock_guard lock(mutex_);
  ejected_lately_ = true;
  breaker_.eject(now, rules::ejection_time(++ejections_, bounds));
}

void UpstreamTarget::count_call(bool failed) noexcept {
  calls_.fetch_add(1, std::memory_order_relaxed);
  if (failed) failures_.fetch_add(1, std::memory_order_relaxed);
}

rules::OutlierView UpstreamTarget::take_interval() {
  const std::uint64_t failures = failures_.load(std::memory_order_relaxed);
  const std::uint64_t calls = calls_.load(std::memory_order_relaxed);
  const bool out = !breaker_.closed();
  const std::lock_guard lock(mutex_);
  const rules::OutlierView seen{calls - last_interval_.calls, failures - last_interval_.failures,
                                out};
  last_interval_ = {calls, failures, out};
  // Good conduct for an interval makes up for one ejection.
  if (!out && !std::exchange(ejected_lately_, false) && ejections_ > 0) --ejections_;
  return seen;
}

bool UpstreamTarget::take_connection(std::size_t max) noexcept {
  if (connections_.fetch_add(1, std::memory_order_relaxed) < max) return true;
  connections_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

UpstreamSet::UpstreamSet(const config::UpstreamSettings& settings, Instant now)
    : settings_(settings),
      budget_({.ratio = settings.retry_budget.ratio,
               .per_second_min = static_cast<double>(settings.retry_budget.per_second_min)},
              now) {
  if (settings.targets.empty()) throw std::runtime_error("upstream: no target configured");
}

UpstreamSet::UpstreamSet(const config::UpstreamSettings& settings, std::size_t endpoints,
                         Instant now)
    : UpstreamSet(settings, now) {
  for (const config::UpstreamTarget& target : settings.targets) add(target, {}, endpoints, now);
}

UpstreamSet::UpstreamSet(const config::UpstreamSettings& settings, const UpstreamSet& before,
                         const FoundAddresses& found, std::size_t endpoints, Instant now)
    : UpstreamSet(settings, now) {
  for (const config::UpstreamTarget& target : settings.targets) {
    const std::shared_ptr<UpstreamTarget> known = before.at(target.address);
    if (known && known->settings() == target && settings.breaker == before.settings_.breaker) {
      targets_.push_back(known);
    } else if (known) {
      add(target, known->addresses(), endpoints, now);
      targets_.back()->set_active_health(known->active_health());
    } else {
      const auto looked_up = found.find(config::to_string(target.address));
      add(target, looked_up == found.end() ? std::vector<SocketAddress>{} : looked_up->second,
          endpoints, now);
    }
    // Nobody would find out that it is well again.
    if (settings.health.path.empty()) targets_.back()->set_active_health(true);
  }
}

/// Without addresses it is resolved.
void UpstreamSet::add(const config::UpstreamTarget& target, std::vector<SocketAddress> addresses,
                      std::size_t endpoints, Instant now) {
  std::string error;
  if (addresses.empty()) addresses = resolve(target.address, false, error);
  if (addresses.empty()) throw std::runtime_error("upstream: " + error);
  targets_.push_back(std::make_shared<UpstreamTarget>(target, std::move(addresses),
                                                      settings_.breaker, endpoints, now));
}

std::shared_ptr<UpstreamTarget> UpstreamSet::at(const config::Address& address) const {
  for (const auto& target : targets_) {
    if (target->settings().address == address) return target;
  }
  return nullptr;
}

std::vector<config::Address> UpstreamSet::unknown(const config::UpstreamSettings& settings) const {
  std::vector<config::Address> names;
  for (const config::UpstreamTarget& target : settings.targets) {
    if (has_name(target.address) && !at(target.address)) names.push_back(target.address);
  }
  return names;
}

}  // namespace homeostat::proxy
