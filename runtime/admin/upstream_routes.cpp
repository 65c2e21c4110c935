// GET /upstreams: the targets and their circuit breakers.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

json::object breaker_json(const BreakerReport& breaker) {
  return {{"state", breaker.state},
          {"cause", breaker.cause},
          {"admitted_share", breaker.share},
          {"seconds", breaker.seconds}};
}

Reply upstreams(const AdminServices& services) {
  if (!services.upstreams) return problem(503, "the upstreams are not known");
  json::array list;
  for (const UpstreamReport& report : services.upstreams()) {
    json::array endpoints;
    for (const auto& [name, breaker] : report.endpoints) {
      json::object one = breaker_json(breaker);
      one["endpoint"] = name;
      endpoints.push_back(std::move(one));
    }
    list.push_back(json::object{{"target", report.target},
                                {"healthy", report.healthy},
                                {"active_check_ok", report.active_check_ok},
                                {"connections", report.connections},
                                {"in_flight", report.in_flight},
                                {"breaker", breaker_json(report.breaker)},
                                {"endpoints_not_closed", std::move(endpoints)}});
  }
  Reply reply;
  reply.members["upstreams"] = std::move(list);
  return reply;
}

}  // namespace

void add_upstream_routes(Router& router, const RouteContext& context) {
  const AdminServices& services = context.services;
  router.add({"GET", "/api/v1/upstreams", Access::viewer,
              [&services](const Call&) { return upstreams(services); }});
}

}  // namespace homeostat::admin
