#include "runtime/telemetry/endpoint_table.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "runtime/telemetry/explicit_routes.hpp"
#include "runtime/telemetry/request_hash.hpp"
#include "runtime/telemetry/route_tree.hpp"

namespace homeostat::telemetry {
namespace {

// Collapsing positions retire ids; this many times settings.max may be given.
constexpr std::size_t id_space_factor = 4;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

EndpointId RouteSnapshot::find(Method method, std::string_view target) const noexcept {
  const RoutePath path = split_path(target);
  if (const auto route = explicit_routes_->find(path)) {
    return explicit_ids_[*route][static_cast<std::size_t>(method)];
  }
  TemplateBuffer buffer;
  return find_route(*root_, method, make_template(path, buffer));
}

EndpointTable::EndpointTable(const config::EndpointSettings& settings)
    : max_(settings.max), id_space_(settings.max * id_space_factor + 1) {
  RouteSnapshot first;
  first.explicit_routes_ = std::make_shared<const ExplicitRoutes>(settings.routes);
  first.explicit_ids_.resize(settings.routes.size());
  first.root_ = std::make_shared<const RouteNode>();
  snapshot_ = std::make_shared<const RouteSnapshot>(std::move(first));
  entries_.push_back({{"OTHER", "other"}, other_endpoint});
  full_.store(max_ == 0, std::memory_order_relaxed);
}

EndpointTable::~EndpointTable() = default;

EndpointId EndpointTable::learn(std::string_view method_name, std::string_view target) {
  const Method method = parse_method(method_name);
  const std::lock_guard lock(mutex_);
  if (const EndpointId known = snapshot_->find(method, target); known != other_endpoint)
    return known;
  if (full()) return other_endpoint;
  RouteSnapshot next = *snapshot_;
  const RoutePath path = split_path(target);
  const auto route = next.explicit_routes_->find(path);
  const EndpointId id =
      route ? learn_explicit(next, method, *route) : learn_template(next, method, path);
  publish(std::move(next));
  return id;
}

EndpointId EndpointTable::learn_explicit(RouteSnapshot& next, Method method, std::size_t route) {
  const EndpointId id = give_id(method, next.explicit_routes_->route(route));
  next.explicit_ids_[route][static_cast<std::size_t>(method)] = id;
  return id;
}

EndpointId EndpointTable::learn_template(RouteSnapshot& next, Method method,
                                         const RoutePath& path) {
  const RouteTreeOwner owner{
      [this](Method which, std::string route) { return give_id(which, std::move(route)); },
      [this](EndpointId id, EndpointId successor) { retire(id, successor); }};
  RouteInsertion insertion(owner, values_max);
  TemplateBuffer buffer;
  next.root_ = insertion.insert(*next.root_, method, make_template(path, buffer));
  return insertion.id();
}

// Collapsing gives the successor's id before it retires the others, so only the
// id space bounds it here; `learn` has checked the number of live endpoints.
EndpointId EndpointTable::give_id(Method method, std::string route) {
  if (entries_.size() >= id_space_) return other_endpoint;
  const auto id = static_cast<EndpointId>(entries_.size());
  entries_.push_back({{std::string(to_string(method)), std::move(route)}, id});
  ++live_;
  return id;
}

void EndpointTable::retire(EndpointId id, EndpointId successor) {
  for (Entry& entry : entries_) {
    if (entry.successor == id) entry.successor = successor;
  }
  for (RetiredEndpoint& earlier : retired_) {
    if (earlier.successor == id) earlier.successor = successor;
  }
  retired_.push_back({id, successor, generation_.load(std::memory_order_relaxed) + 1});
  --live_;
}

void EndpointTable::publish(RouteSnapshot next) {
  if (!retired_.empty()) {
    next.successors_.resize(entries_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) next.successors_[i] = entries_[i].successor;
  }
  full_.store(live_ >= max_ || entries_.size() >= id_space_, std::memory_order_relaxed);
  snapshot_ = std::make_shared<const RouteSnapshot>(std::move(next));
  generation_.fetch_add(1, std::memory_order_release);
}

EndpointId EndpointTable::find(std::string_view method, std::string_view target) const {
  return snapshot()->find(parse_method(method), target);
}

EndpointName EndpointTable::name(EndpointId id) const {
  const std::lock_guard lock(mutex_);
  return id < entries_.size() ? entries_[id].name : entries_[other_endpoint].name;
}

EndpointId EndpointTable::successor(EndpointId id) const {
  const std::lock_guard lock(mutex_);
  return id < entries_.size() ? entries_[id].successor : other_endpoint;
}

std::vector<EndpointId> EndpointTable::live() const {
  const std::lock_guard lock(mutex_);
  std::vector<EndpointId> ids;
  ids.reserve(live_ + 1);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].successor == i) ids.push_back(static_cast<EndpointId>(i));
  }
  return ids;
}

std::size_t EndpointTable::live_count() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

std::size_t EndpointTable::given() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::vector<RetiredEndpoint> EndpointTable::retired(std::size_t skip) const {
  const std::lock_guard lock(mutex_);
  if (skip >= retired_.size()) return {};
  return {retired_.begin() + static_cast<std::ptrdiff_t>(skip), retired_.end()};
}

std::shared_ptr<const RouteSnapshot> EndpointTable::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

EndpointCache::EndpointCache(const EndpointTable& table)
    : table_(table), seed_(random_seed()), lines_(lines) {
  refresh();
}

void EndpointCache::refresh() {
  // The generation first: a change in between only costs one more refresh.
  const std::uint64_t generation = table_.generation();
  snapshot_ = table_.snapshot();
  std::fill(lines_.begin(), lines_.end(), Line{});
  generation_.store(generation, std::memory_order_release);
}

EndpointId EndpointCache::find(std::string_view method_name, std::string_view target) noexcept {
  if (table_.generation() != generation_.load(std::memory_order_relaxed)) [[unlikely]]
    refresh();
  const Method method = parse_method(method_name);
  const std::string_view path = without_query(target);
  const std::uint64_t hash = request_hash(path, seed_ + static_cast<std::uint64_t>(method));
  Line& line = lines_[hash % lines];
  if (line.hash != hash) line = {hash, snapshot_->find(method, path)};
  return line.id;
}

}  // namespace homeostat::telemetry
