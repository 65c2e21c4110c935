// The control plane takes no more threads than it was given, however many cores there are.
#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "actors/scheduler_config.hpp"

namespace homeostat::actors {
namespace {

TEST(Scheduler, HasTwoSharingThreads) {
  caf::actor_system_config config;
  configure_scheduler(config);
  caf::actor_system system(config);
  EXPECT_EQ(system.scheduler().num_workers(), 2U);
  EXPECT_EQ(caf::get_or(config, "scheduler.policy", caf::atom("")), caf::atom("sharing"));
}

}  // namespace
}  // namespace homeostat::actors
