#include "runtime/proxy/upstream_resolver.hpp"

#include <utility>

namespace homeostat::proxy {

UpstreamResolver::UpstreamResolver(boost::asio::io_context& context, NameLookup& names,
                                   std::shared_ptr<UpstreamSet> set, Changed changed)
    : names_(names), set_(std::move(set)), changed_(std::move(changed)), timer_(context) {}

UpstreamResolver::~UpstreamResolver() { stop(); }

void UpstreamResolver::start() {
  if (set_->settings().resolve_interval > std::chrono::seconds::zero()) schedule();
}

void UpstreamResolver::stop() {
  alive_.reset();
  timer_.cancel();
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
    if (!has_name(target->settings().address)) continue;
    names_.look_up(target->settings().address,
                   [this, &one = *target, alive = std::weak_ptr<bool>(alive_)](
                       std::vector<SocketAddress> addresses, const std::string&) {
                     if (!alive.expired()) found(one, std::move(addresses));
                   });
  }
}

void UpstreamResolver::found(UpstreamTarget& target, std::vector<SocketAddress> addresses) {
  if (addresses.empty()) {
    set_->counters().lookup_failures.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (!target.set_addresses(std::move(addresses))) return;
  set_->counters().address_changes.fetch_add(1, std::memory_order_relaxed);
  if (changed_) changed_(target.name());
}

}  // namespace homeostat::proxy
