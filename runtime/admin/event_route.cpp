// GET /events.
#include "runtime/admin/event_stream.hpp"
#include "runtime/admin/routes.hpp"

namespace homeostat::admin {
namespace {

Reply events(const RouteContext& context, const Call& call) {
  const EventLog* const log = context.services.events;
  if (log == nullptr) return problem(503, "events are not available");
  if (context.counters.event_streams.load(std::memory_order_relaxed) >= context.event_streams_max) {
    Reply reply = problem(503, "too many event streams; half of admin.connections_max may be");
    reply.headers.emplace_back("Retry-After", "5");
    return reply;
  }
  // A browser sends the header by itself when it reconnects; a page that was
  // loaded anew can only put the id into the URL.
  const std::string_view parameter = call.request.parameter("last_event_id");
  Reply reply;
  reply.events_after = resume_after(
      *log, call.request.last_event_id.empty() ? parameter : call.request.last_event_id);
  return reply;
}

}  // namespace

void add_event_route(Router& router, const RouteContext& context) {
  router.add({"GET", "/api/v1/events", Access::viewer,
              [&context](const Call& call) { return events(context, call); }});
}

}  // namespace homeostat::admin
