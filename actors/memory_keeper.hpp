// Carries out memory requests: drops expired entries, shrinks the cache, returns
// heap pages, calls the application's hook. Does nothing unless a rule or an
// emergency asks for it, and gives the cache its size back afterwards.
//
// Bounds: the allocator is released at most every release_every, the hook is
// called at most every hook_every, whoever asks.
//
// Thread safety: call from any thread; the actor itself runs one message at a time.
#pragma once

#include "actors/actor_support.hpp"
#include "actors/messages.hpp"

namespace homeostat::actors {

inline constexpr Duration release_every = std::chrono::seconds(5);
inline constexpr Duration hook_every = std::chrono::seconds(10);
/// In an emergency with memory at or above this, half of the cache is given up.
inline constexpr double emergency_memory = 0.85;
inline constexpr double emergency_cache_ratio = 0.5;

[[nodiscard]] ActuatorActor spawn_memory_keeper(caf::actor_system& system, Context context);

}  // namespace homeostat::actors
