// The one place where the actor library is configured. Internal to actors/.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>

namespace homeostat::actors {

/// `sharing` has one queue and no polling: an idle control plane costs nothing.
/// Two threads bound what the control plane may take from the data plane, and
/// `max-throughput` keeps one flooded actor from holding a thread for itself.
/// The configuration is never parsed from the command line or from a file:
/// parsing would also read caf-application.ini from the working directory.
inline void configure_scheduler(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{2});
  config.set("scheduler.max-throughput", std::size_t{50});
}

}  // namespace homeostat::actors
