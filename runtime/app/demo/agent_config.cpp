#include "runtime/app/demo/agent_config.hpp"

#include <fmt/format.h>

namespace homeostat::demo {

std::string agent_config(std::uint16_t application_port, const std::string& rules_file,
                         const std::string& pid_file) {
  return fmt::format(R"(# Written by `homeostat demo`.
listen: 127.0.0.1:0
upstream:
  url: http://127.0.0.1:{0}
admin: {{listen: 127.0.0.1:0}}
cache:
  rules:
    # The application's own freshness, stated here so that rules may stretch it.
    - {{match: {{path: /api/report/*}}, ttl: 3s, override_origin: true}}
    - {{match: {{path: /api/catalog/*}}, ttl: 10s, override_origin: true}}
compression: {{mode: adaptive}}
admission:
  priorities:
    - {{match: {{path: /checkout*}}, class: critical}}
monitor:
  app: {{pid_file: "{2}"}}
optimization:
  level: balanced
  rules: [builtin, "{1}"]
)",
                     application_port, rules_file, pid_file);
}

std::string agent_rules() {
  return R"(# Written by `homeostat demo`.
rules:
  - name: stretch-cache-when-shedding
    description: The application is refusing work; keep what may be kept for longer.
    scope: endpoint
    when: admission.reject_ratio > 2% and endpoint.hit_ratio > 10%
    for: 1s
    until: admission.reject_ratio < 1%
    hold: 3s
    then:
      - scale_ttl: {by: 5, max: 1m}

  - name: compress-large-answers
    description: Large answers at a high rate; send fewer bytes.
    scope: endpoint
    when: endpoint.response_size > 32KiB and endpoint.rate > 5/s
    for: 1s
    until: endpoint.rate < 1/s
    hold: 5s
    then:
      - compress: {enabled: true, level: 5}
)";
}

}  // namespace homeostat::demo
