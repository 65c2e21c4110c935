#include "actors/memory_keeper.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace homeostat::actors {
namespace {

struct State {
  static inline const char* name = "memory_keeper";
  std::optional<Context> context;
  Shared<Directive> directive;
  Ticker ticker;
  std::optional<double> cache_ratio;  ///< in force; unset until first looked up
  std::optional<Instant> released_at, hook_called_at;
  bool in_emergency = false;
};

using Self = ActuatorActor::stateful_pointer<State>;

/// All requests of one directive as one piece of work.
struct Work {
  bool expired = false, allocator = false, hook = false;
  double cache_ratio = 1;
  std::string reason;
};

void add_rule_requests(const rules::Outcome& outcome, Work& work) {
  work.cache_ratio = std::clamp(outcome.shrink_cache_to, 0.0, 1.0);
  for (const rules::MemoryRequest& request : outcome.release_now) {
    work.expired |= request.action.expired;
    work.allocator |= request.action.allocator;
    work.hook |= request.action.hook;
    work.cache_ratio = std::min(work.cache_ratio, std::max(request.action.shrink_cache_to, 0.0));
    if (!work.reason.empty()) work.reason += ", ";
    if (work.reason.size() < 200) work.reason += request.rule;
  }
}

void add_emergency(State& state, const Directive& directive, Work& work) {
  const bool entered = directive.emergency && !state.in_emergency;
  state.in_emergency = directive.emergency;
  if (!directive.emergency) return;
  const bool short_of_memory = directive.memory_utilization.value_or(0) >= emergency_memory;
  // A queue emergency needs its cache more than ever: only memory pays memory.
  // Once shrunk it stays so until the emergency ends, or it would swing.
  if (short_of_memory || state.cache_ratio.value_or(1) <= emergency_cache_ratio) {
    work.cache_ratio = std::min(work.cache_ratio, emergency_cache_ratio);
  }
  work.allocator |= short_of_memory;
  work.expired |= entered;
  if (work.reason.empty()) work.reason = "emergency";
}

Work plan(State& state, const Directive& directive) {
  Work work;
  add_rule_requests(directive.outcome, work);
  add_emergency(state, directive, work);
  return work;
}

/// Looks at the cache the first time, since a predecessor may have shrunk it.
double ratio_in_force(State& state) {
  if (!state.cache_ratio) {
    const auto configured = static_cast<double>(state.context->ports.settings->cache.memory);
    const auto bound = static_cast<double>(state.context->ports.cache.figures().bytes_max);
    state.cache_ratio = configured > 0 && bound > 0 ? std::min(bound / configured, 1.0) : 1.0;
  }
  return *state.cache_ratio;
}

bool due(std::optional<Instant>& last, Duration every, Instant now) {
  if (last && now - *last < every) return false;
  last = now;
  return true;
}

void carry_out(State& state, const Work& work) {
  const Context& context = *state.context;
  const ControlDependencies& ports = context.ports;
  const Instant now = ports.clock.now();
  if (work.expired) {
    const std::size_t freed = ports.cache.drop_expired();
    context.log(LogLevel::info,
                fmt::format("dropped {} bytes of expired cache entries ({})", freed, work.reason));
  }
  if (work.cache_ratio != ratio_in_force(state)) {
    const std::size_t freed = ports.cache.shrink_to(work.cache_ratio);
    context.log(
        LogLevel::info,
        fmt::format("cache bound set to {:.0f}% of the configured size, {} bytes freed ({})",
                    work.cache_ratio * 100, freed,
                    work.cache_ratio < 1 ? work.reason : std::string("restored")));
    state.cache_ratio = work.cache_ratio;
  } else if (const CacheFigures figures = ports.cache.figures();
             figures.bytes > figures.bytes_max && figures.bytes_max > 0) {
    // Shrinking is done in bounded steps: this is the next one.
    ports.cache.shrink_to(work.cache_ratio);
  }
  if (work.allocator && due(state.released_at, release_every, now)) {
    const std::size_t freed = ports.memory.release_allocator();
    context.log(LogLevel::info,
                fmt::format("allocator returned {} bytes ({})", freed, work.reason));
  }
  if (work.hook && due(state.hook_called_at, hook_every, now)) {
    ports.memory.call_hook(work.reason);
  }
}

/// Without a rule engine there is no demand: undo what it asked for.
void tick(Self self) {
  State& state = self->state;
  const ControlDependencies& ports = state.context->ports;
  state.ticker.again(self, ports.settings->optimization.interval);
  if (state.directive &&
      ports.clock.now() - state.directive->at > ports.settings->optimization.policy_lease) {
    state.directive.reset();
    state.in_emergency = false;
    carry_out(state, Work{});
  }
  state.context->beat(Child::memory_keeper);
}

ActuatorActor::behavior_type memory_keeper(Self self, Context context) {
  report_exceptions(self);
  self->state.context.emplace(std::move(context));
  return {
      [self](TickAtom) { tick(self); },
      [](CrashAtom) { crash_on_purpose(); },
      [self](const Shared<Peers>&) {
        if (!self->state.ticker.started()) self->state.ticker.start(self, Duration::zero());
      },
      [self](const Shared<config::Settings>& settings) {
        self->state.context->ports.settings = settings;
      },
      [self](const Shared<Directive>& directive) {
        self->state.directive = directive;
        carry_out(self->state, plan(self->state, *directive));
      },
  };
}

}  // namespace

ActuatorActor spawn_memory_keeper(caf::actor_system& system, Context context) {
  return system.spawn(memory_keeper, std::move(context));
}

}  // namespace homeostat::actors
