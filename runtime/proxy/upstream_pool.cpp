#include "runtime/proxy/upstream_pool.hpp"

#include <algorithm>
#include <utility>

namespace homeostat::proxy {

UpstreamPool::UpstreamPool(boost::asio::io_context& context, DeadlineWheel& wheel,
                           const Clock& clock, std::shared_ptr<UpstreamSet> set)
    : context_(context), wheel_(wheel), clock_(clock) {
  replace(std::move(set));
}

UpstreamPool::~UpstreamPool() { close_idle(); }

void UpstreamPool::replace(std::shared_ptr<UpstreamSet> set) {
  std::vector<Shelf> kept;
  for (const auto& target : set->targets()) {
    Shelf* const before = shelf(*target);
    kept.push_back({target.get(), {}});
    if (before != nullptr) kept.back().idle.swap(before->idle);
  }
  close_idle();
  shelves_ = std::move(kept);
  set_ = std::move(set);
}

UpstreamPool::Shelf* UpstreamPool::shelf(const UpstreamTarget& target) noexcept {
  for (Shelf& one : shelves_) {
    if (one.target == &target) return &one;
  }
  return nullptr;  // a target of a set that was replaced meanwhile
}

Ref<UpstreamConnection> UpstreamPool::take_idle(UpstreamTarget& target) {
  Shelf* place = shelf(target);
  if (place == nullptr || place->idle.empty()) return {};
  Ref<UpstreamConnection> connection = std::move(place->idle.back());
  place->idle.pop_back();
  wheel_.disarm(*connection);
  set_->counters().reuses.fetch_add(1, std::memory_order_relaxed);
  return connection;
}

UpstreamPool::Opened UpstreamPool::open(UpstreamTarget& target) {
  if (!target.take_connection(set_->settings().connections_max)) {
    set_->counters().connection_limit.fetch_add(1, std::memory_order_relaxed);
    return {{}, OpenFailure::limit};
  }
  set_->counters().connects.fetch_add(1, std::memory_order_relaxed);
  auto connection = make_ref<UpstreamConnection>(*this, set_, target, context_.get_executor());
  int error = 0;
  if (!connection->connect(error)) {
    return {{}, is_local_failure(error) ? OpenFailure::local : OpenFailure::refused};
  }
  return {std::move(connection), OpenFailure::none};
}

void UpstreamPool::give_back(Ref<UpstreamConnection> connection) {
  connection->set_user(nullptr);
  connection->in.reset();
  Shelf* place = shelf(connection->target());
  // Near the common bound nothing is kept: another worker may need the place.
  const bool scarce = connection->target().connections() > set_->settings().connections_max / 4 * 3;
  if (draining_ || scarce || place == nullptr ||
      place->idle.size() >= set_->settings().idle_connections_max) {
    wheel_.disarm(*connection);
    connection->close();
    return;
  }
  wheel_.arm(*connection, clock_.now() + set_->settings().idle_timeout);
  connection->stream.arm_next_readable();  // sees the server closing it
  place->idle.push_back(std::move(connection));
}

void UpstreamPool::discard(UpstreamConnection& connection) {
  const Ref<UpstreamConnection> keep(&connection);
  wheel_.disarm(connection);
  connection.close();
  if (Shelf* place = shelf(connection.target()); place != nullptr) {
    std::erase_if(place->idle, [&](const auto& one) { return one.get() == &connection; });
  }
}

void UpstreamPool::drain() {
  draining_ = true;
  close_idle();
}

void UpstreamPool::close_idle() {
  for (Shelf& place : shelves_) {
    for (auto& connection : place.idle) {
      wheel_.disarm(*connection);
      connection->close();
    }
    place.idle.clear();
  }
}

std::size_t UpstreamPool::idle() const noexcept {
  std::size_t count = 0;
  for (const Shelf& place : shelves_) count += place.idle.size();
  return count;
}

}  // namespace homeostat::proxy
