// GET /livez, /readyz and /metrics.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

Reply livez(const AdminServices& services) {
  Reply reply;
  reply.members["status"] = "alive";
  reply.members["version"] = services.version;
  return reply;
}

Reply readyz(const AdminServices& services) {
  std::vector<ReadinessCheck> checks;
  if (services.readiness) checks = services.readiness();
  // An agent without control plane still proxies on safe defaults, so taking
  // it out of service would only do harm: shown, not required.
  const bool degraded = services.policy.degraded();
  checks.push_back({"policy", !degraded, false,
                    degraded ? "a policy lease ran out; static defaults are in force"
                             : "renewed by the control plane"});
  bool ready = true;
  bool all_ok = true;
  json::array list;
  for (const ReadinessCheck& check : checks) {
    if (!check.ok && check.required) ready = false;
    if (!check.ok) all_ok = false;
    list.push_back(json::object{{"name", check.name},
                                {"ok", check.ok},
                                {"required", check.required},
                                {"detail", check.detail}});
  }
  Reply reply;
  reply.status = ready ? 200 : 503;
  reply.members["status"] = !ready ? "not_ready" : all_ok ? "ready" : "degraded";
  reply.members["checks"] = std::move(list);
  return reply;
}

Reply metrics(const AdminServices& services) {
  if (!services.render_metrics) return problem(503, "metrics are not available");
  Reply reply;
  reply.raw = RawBody{"text/plain; version=0.0.4; charset=utf-8", services.render_metrics()};
  return reply;
}

}  // namespace

void add_probe_routes(Router& router, const RouteContext& context) {
  const AdminServices& services = context.services;
  router.add(
      {"GET", "/livez", Access::probe, [&services](const Call&) { return livez(services); }});
  router.add(
      {"GET", "/readyz", Access::probe, [&services](const Call&) { return readyz(services); }});
  router.add(
      {"GET", "/metrics", Access::probe, [&services](const Call&) { return metrics(services); }});
}

}  // namespace homeostat::admin
