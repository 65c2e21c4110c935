// Taking things out of the cache: shrink, expiry; and putting variants in.
#include <algorithm>
#include <cmath>
#include <thread>

#include "runtime/cache/cache.hpp"

namespace homeostat::cache {
namespace {

constexpr std::size_t reclaim_batch = 4096;
constexpr unsigned reclaim_yields_max = 1000;

}  // namespace

void Cache::drop_object(const Object& object) {
  Shard& shard = shard_of(object.location_);
  const std::lock_guard lock(shard.mutex());
  if (Entry* entry = shard.find(object.hash_, object)) drop(shard, *entry);
}

void Cache::drop_elsewhere(const Object& object, std::uint64_t location) {
  if (object.location_ != location) drop_object(object);
}

void Cache::reclaim_all() {
  for (unsigned i = 0; garbage_.reclaim(reclaim_batch) > 0 && i < reclaim_yields_max; ++i) {
    std::this_thread::yield();
  }
}

std::size_t Cache::drop_expired() {
  const std::lock_guard control(control_mutex_);
  // What an emergency may still serve must outlive its beginning: it is not given up for
  // nothing, only for what is stored in its place (EvictionPolicy::admit).
  const RequestRules& rules = reloaded_rules_ ? *reloaded_rules_ : rules_;
  const Instant useless = clock_.now() - rules.stale_in_emergency();
  std::size_t freed = 0;
  for (std::size_t i = 0; i < slices_max; ++i) {
    Victims victims;
    {
      const EpochGuard guard(control_slot_);
      {
        const std::lock_guard lock(policy_mutex_);
        freed += policy_.expire(useless, slice, victims);
      }
      unlink(victims);
    }
    if (victims.size() < slice) break;
  }
  reclaim_all();
  return freed;
}

std::size_t Cache::shrink_to(double ratio) {
  const std::lock_guard control(control_mutex_);
  const double share = std::isfinite(ratio) ? std::clamp(ratio, 0.0, 1.0) : 1.0;
  const auto bound = static_cast<std::size_t>(static_cast<double>(settings_.memory) * share);
  bound_.store(bound, std::memory_order_relaxed);
  budget_.set_bound(bound / 2);
  const std::size_t freed = make_room(control_slot_, clock_.now(), slices_max);
  reclaim_all();
  return freed;
}

bool Cache::attach_variant(const ObjectPtr& object, rules::Coding coding, ObjectPtr variant) {
  const std::lock_guard control(control_mutex_);
  const Instant now = clock_.now();
  Victims victims;
  bool attached = false;
  {
    const EpochGuard guard(control_slot_);
    Shard& shard = shard_of(object->location_);
    {
      const std::lock_guard lock(shard.mutex());
      Entry* found = shard.find(object->hash_, *object);
      const std::size_t bytes = variant->memory();
      const Object* older = object->variant(coding);
      const bool better = older == nullptr || variant->body_bytes() < older->body_bytes();
      if (found != nullptr && better && bytes <= bound_in_force() / 4) {
        object->attach(coding, std::move(variant));
        const std::lock_guard policy_lock(policy_mutex_);
        policy_.change_weight(*found, found->weight + bytes);
        static_cast<void>(policy_.shrink(now, bound_in_force(), slice, victims));
        attached = true;
      }
    }
    unlink(victims);
  }
  garbage_.reclaim();
  if (!attached) object->refuse_variant(coding);
  return attached;
}

}  // namespace homeostat::cache
