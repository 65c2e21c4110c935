// The upstream over reloads: new names are looked up while the old targets serve on, and what
// looks after the targets follows them.
#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

#include "config/settings/address_text.hpp"
#include "runtime/app/agent_parts.hpp"

namespace homeostat::app {
namespace {

constexpr std::chrono::seconds search_again{5};

}  // namespace

/// A reload named targets that nobody has looked up yet.
struct Agent::Parts::UpstreamSearch {
  std::vector<config::Address> names;
  proxy::FoundAddresses found;
  std::size_t open = 0;  ///< lookups
  std::string trouble;
};

/// What a reload before this one was looking for is not wanted any more.
void Agent::Parts::find_upstream(std::vector<config::Address> names_wanted) {
  lookup_timer.cancel();
  search.reset();
  if (names_wanted.empty()) return;
  search = std::make_shared<UpstreamSearch>();
  search->names = std::move(names_wanted);
  for (const config::Address& name : search->names) {
    spdlog::info("upstream {} is new: the targets change when its address is known",
                 config::to_string(name));
  }
  look_up_new_names();
}

void Agent::Parts::look_up_new_names() {
  search->open = search->names.size();
  search->trouble.clear();
  for (const config::Address& name : search->names) {
    names.look_up(name, [this, mine = search, text = config::to_string(name)](
                            std::vector<proxy::SocketAddress> addresses, const std::string& error) {
      if (mine != search) return;  // another reload was faster
      if (addresses.empty()) {
        search->trouble = error;
      } else {
        search->found[text] = std::move(addresses);
      }
      if (--search->open == 0) end_lookups();
    });
  }
}

void Agent::Parts::end_lookups() {
  if (search->trouble.empty()) {
    try {
      server->adopt_upstream(search->found);
      restart_upstream_checks();
      spdlog::info("the new upstream is in force");
    } catch (const std::runtime_error& error) {
      spdlog::error("the upstream stays as it was: {}", error.what());
    }
    search.reset();
    return;
  }
  spdlog::error("the upstream stays as it was: {}; trying again in {} s", search->trouble,
                search_again.count());
  server->upstream()->counters().lookup_failures.fetch_add(1, std::memory_order_relaxed);
  lookup_timer.expires_after(search_again);
  lookup_timer.async_wait([this, mine = search](boost::system::error_code error) {
    if (!error && mine == search) look_up_new_names();
  });
}

void Agent::Parts::restart_upstream_checks() {
  if (health) health->stop();
  health = std::make_unique<proxy::HealthChecker>(
      context, server->upstream(),
      [](const std::string& name, bool healthy, const std::string& reason) {
        if (healthy) {
          spdlog::info("upstream {} is healthy again: {}", name, reason);
        } else {
          spdlog::warn("upstream {} is unhealthy: {}", name, reason);
        }
      });
  health->start();
  if (resolver) resolver->stop();
  resolver = std::make_unique<proxy::UpstreamResolver>(
      context, names, server->upstream(), [](const std::string& name) {
        spdlog::info("upstream {}: its name leads to other addresses now", name);
      });
  resolver->start();
}

}  // namespace homeostat::app
