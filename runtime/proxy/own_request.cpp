#include "runtime/proxy/own_request.hpp"

#include <string>

#include "runtime/proxy/serve_request.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {

Ref<RequestContext> make_own_request(Worker& worker, std::string_view host, std::string_view target,
                                     std::string_view fields) {
  Ref<RequestContext> request = worker.lend_request();
  std::string text = "GET ";
  text.append(target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  text.append(fields).append("\r\n");
  request->in = worker.buffers().lend_head();
  if (text.size() > request->in.space().size()) return {};
  request->in.append(text);
  const http::ParseStep step = request->parser.next(request->in.view());
  if (step.event != http::ParseEvent::head) return {};
  request->in.consume(step.consumed);
  request->config = worker.config();
  request->started = worker.now();
  const auto parsed = http::parse_target(request->head().method, request->head().target);
  if (!parsed) return {};
  describe_request(worker, *request, *parsed);
  decide_caching(worker, *request);
  return request;
}

}  // namespace homeostat::proxy
