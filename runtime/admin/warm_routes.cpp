// GET and POST /cache/warm.
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::int64_t limit_max = 100'000;

json::value time_or_null(const std::optional<WallTime>& time) {
  return time ? json::value(rfc3339(*time)) : json::value();
}

json::object to_json(const WarmReport& report) {
  return {{"id", report.id},
          {"from", report.source},
          {"state", report.state},
          {"total", report.total},
          {"done", report.done()},
          {"fetched", report.fetched},
          {"fresh", report.fresh},
          {"uncacheable", report.uncacheable},
          {"failed", report.failed},
          {"started", time_or_null(report.started)},
          {"ended", time_or_null(report.ended)}};
}

Reply show(const AdminServices& services) {
  if (!services.warm_report) return problem(503, "this agent does not warm up");
  const WarmReport report = services.warm_report();
  Reply reply;
  reply.members["job"] = report.id == 0 ? json::value() : json::value(to_json(report));
  reply.members["next_scheduled"] = time_or_null(report.next);
  return reply;
}

Reply begin(const RouteContext& context, const Call& call) {
  if (!context.services.warm) return problem(503, "this agent does not warm up");
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  WarmRequest request;
  request.urls = reader.optional_texts("urls");
  request.source = reader.optional_word("from", {"", "popular", "list"});
  if (const json::value* limit = reader.optional_value("limit")) {
    if (limit->is_int64() && limit->get_int64() > 0 && limit->get_int64() <= limit_max) {
      request.limit = static_cast<std::size_t>(limit->get_int64());
    } else {
      reader.fail("limit: expected 1 to 100000");
    }
  }
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (request.urls.empty() == request.source.empty()) {
    reader.fail("either urls or from: \"popular\" or \"list\"");
  }
  if (!reader.ok()) return reader.to_problem();
  if (!request.urls.empty()) request.source = "urls";
  const std::string refused = context.services.warm(request);
  if (!refused.empty()) return problem(409, refused);
  const WarmReport report = context.services.warm_report();
  context.audit.record(call, {"warm_cache", request.source, reason, report.total});
  Reply reply;
  reply.status = 202;
  reply.members["status"] = "accepted";
  reply.members["job"] = to_json(report);
  return reply;
}

}  // namespace

void add_warm_routes(Router& router, const RouteContext& context) {
  router.add({"GET", "/api/v1/cache/warm", Access::viewer,
              [&context](const Call&) { return show(context.services); }});
  router.add({"POST", "/api/v1/cache/warm", Access::operator_,
              [&context](const Call& call) { return begin(context, call); }});
}

}  // namespace homeostat::admin
