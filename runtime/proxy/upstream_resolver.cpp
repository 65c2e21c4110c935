#include "runtime/proxy/upstream_resolver.hpp"

#include <boost/asio/ip/address.hpp>
#include <cstring>
#include <utility>
#include <vector>

namespace homeostat::proxy {
namespace {

bool has_name(const config::Address& address) {
  if (!address.unix_path.empty()) return false;
  boost::system::error_code error;
  boost::asio::ip::make_address(address.host, error);
  return static_cast<bool>(error);
}

}  // namespace

UpstreamResolver::UpstreamResolver(boost::asio::io_context& context,
                                   std::shared_ptr<UpstreamSet> set, Changed changed)
    : set_(std::move(set)), changed_(std::move(changed)), resolver_(context), timer_(context) {}

UpstreamResolver::~UpstreamResolver() { stop(); }

void UpstreamResolver::start() {
  if (set_->settings().resolve_interval > std::chrono::seconds::zero()) schedule();
}

void UpstreamResolver::stop() {
  alive_.reset();
  timer_.cancel();
  resolver_.cancel();
}

void UpstreamResolver::schedule() {
  timer_.expires_after(set_->settings().resolve_interval);
  timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    look_up();
    schedule();
  });
}

void UpstreamResolver::look_up() {
  for (const auto& target : set_->targets()) {
    const config::Address& address = target->settings().address;
    if (!has_name(address)) continue;
    resolver_.async_resolve(address.host, std::to_string(address.port),
                            [this, &one = *target, alive = std::weak_ptr<bool>(alive_)](
                                boost::system::error_code error,
                                const boost::asio::ip::tcp::resolver::results_type& results) {
                              if (!alive.expired()) found(one, error, results);
                            });
  }
}

void UpstreamResolver::found(UpstreamTarget& target, boost::system::error_code error,
                             const boost::asio::ip::tcp::resolver::results_type& results) {
  if (error) {
    set_->counters().lookup_failures.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::vector<SocketAddress> addresses;
  for (const auto& result : results) {
    const boost::asio::ip::tcp::endpoint endpoint = result.endpoint();
    SocketAddress address;
    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
    address.length = static_cast<socklen_t>(endpoint.size());
    addresses.push_back(address);
    if (addresses.size() == addresses_max) break;
  }
  if (!target.set_addresses(std::move(addresses))) return;
  set_->counters().address_changes.fetch_add(1, std::memory_order_relaxed);
  if (changed_) changed_(target.name());
}

}  // namespace homeostat::proxy
