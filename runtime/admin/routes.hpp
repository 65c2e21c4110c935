// The management routes, grouped by what they are about. Shapes and field
// names: docs/management_api.md.
//
// Thread safety: handlers run on the admin thread.
#pragma once

#include "runtime/admin/admin_server.hpp"
#include "runtime/admin/admin_services.hpp"
#include "runtime/admin/audit.hpp"
#include "runtime/admin/background_job.hpp"
#include "runtime/admin/router.hpp"

namespace homeostat::admin {

/// What handlers may use. Must outlive the router.
struct RouteContext {
  const AdminServices& services;
  AuditLog& audit;
  const AdminCounters& counters;
  BackgroundJob& background;
  bool allow_injection = false;
  std::size_t event_streams_max = 32;
  Instant started = services.clock.now();
};

/// All of them.
void add_routes(Router& router, const RouteContext& context);

void add_performance_routes(Router& router, const RouteContext& context);
void add_history_route(Router& router, const RouteContext& context);
void add_injection_route(Router& router, const RouteContext& context);
void add_replay_route(Router& router, const RouteContext& context);
void add_rule_change_route(Router& router, const RouteContext& context);
void add_rule_routes(Router& router, const RouteContext& context);
void add_cache_routes(Router& router, const RouteContext& context);
void add_invalidation_routes(Router& router, const RouteContext& context);
void add_entry_routes(Router& router, const RouteContext& context);
void add_cache_event_routes(Router& router, const RouteContext& context);
void add_warm_routes(Router& router, const RouteContext& context);
void add_upstream_routes(Router& router, const RouteContext& context);
void add_event_route(Router& router, const RouteContext& context);
void add_probe_routes(Router& router, const RouteContext& context);
void add_page_routes(Router& router);

}  // namespace homeostat::admin
