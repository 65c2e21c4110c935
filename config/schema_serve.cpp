// listen, workers, server, upstream, admin.
#include <array>

#include "config/list_leaves.hpp"
#include "config/rows_leaf.hpp"
#include "config/schema.hpp"
#include "config/secret_leaf.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t tokens_max = 64;
constexpr std::string_view unlimited = "unlimited";

void visit_token(Visitor& visitor, AdminToken& token) {
  visitor.leaf({"name", Apply::restart}, TextLeaf(token.name, "name", check_identifier));
  visitor.leaf({"role", Apply::restart}, ChoiceLeaf(token.role, words::role));
  visitor.leaf({"secret", Apply::restart}, SecretLeaf(token.secret));
  visitor.leaf({"secret_file", Apply::restart},
               TextLeaf(token.secret_file, "file", check_file_name));
}

void check_token(AdminToken& token, const Node& row, const std::string& path, Reading& reading,
                 bool clean) {
  if (row.find("name") == nullptr) {
    reading.report.error(row.place, fmt::format("`{}` needs a `name`", path));
  }
  const auto* file = row.find("secret_file");
  if ((row.find("secret") == nullptr) == (file == nullptr)) {
    reading.report.error(row.place,
                         fmt::format("`{}` needs either `secret` or `secret_file`", path),
                         "write secret: ${NAME}, or secret_file: /path");
    return;
  }
  if (file == nullptr || !clean) return;
  token.secret = read_secret_file(token.secret_file, file->place, path + ".secret_file", reading);
}

void visit_health(Visitor& visitor, HealthCheckSettings& health) {
  visitor.begin({"health"});
  visitor.leaf({"path"}, TextLeaf(health.path, "request path", check_request_path));
  visitor.leaf({"interval"}, DurationLeaf(health.interval, 100ms, 1h));
  visitor.leaf({"timeout"}, DurationLeaf(health.timeout, 10ms, 1min));
  visitor.leaf({"healthy_after"}, IntegerLeaf(health.healthy_after, 1, 100));
  visitor.leaf({"unhealthy_after"}, IntegerLeaf(health.unhealthy_after, 1, 100));
  visitor.end();
}

}  // namespace

void visit_listen(Visitor& visitor, Settings& settings) {
  visitor.leaf({"listen", Apply::restart}, AddressListLeaf(settings.listen));
  visitor.leaf({"workers", Apply::restart}, IntegerLeaf(settings.workers, 1, 256, "auto"));
  visitor.leaf({"reload_on_change"}, BoolLeaf(settings.reload_on_change));
}

void visit_server(Visitor& visitor, ServerSettings& server) {
  visitor.begin({"server"});
  visitor.leaf({"header_bytes_max"}, SizeLeaf(server.header_bytes_max, kibibyte, mebibyte));
  visitor.leaf({"target_bytes_max"}, SizeLeaf(server.target_bytes_max, 256, mebibyte));
  visitor.leaf({"header_count_max"}, IntegerLeaf(server.header_count_max, 10, 256));
  visitor.leaf({"body_bytes_max"},
               SizeLeaf(server.body_bytes_max, 1, 1024 * 1024 * mebibyte, unlimited));
  visitor.leaf({"header_timeout"}, DurationLeaf(server.header_timeout, 1s, 10min));
  visitor.leaf({"body_timeout"}, DurationLeaf(server.body_timeout, 1s, 1h));
  visitor.leaf({"write_timeout"}, DurationLeaf(server.write_timeout, 1s, 1h));
  visitor.leaf({"idle_timeout"}, DurationLeaf(server.idle_timeout, 1s, 24h));
  visitor.leaf({"tunnel_idle_timeout"}, DurationLeaf(server.tunnel_idle_timeout, 1s, 24h));
  visitor.leaf({"total_timeout"}, DurationLeaf(server.total_timeout, 1s, 24h, unlimited));
  visitor.leaf({"body_rate_min"}, SizeLeaf(server.body_rate_min, 1, mebibyte, "no minimum"));
  visitor.leaf({"send_rate_min"}, SizeLeaf(server.send_rate_min, 1, mebibyte, "no minimum"));
  visitor.leaf({"request_memory"},
               SizeLeaf(server.request_memory, mebibyte, 1024 * 1024 * mebibyte));
  visitor.leaf({"connections_max", Apply::restart},
               IntegerLeaf(server.connections_max, 1, 1'000'000));
  visitor.leaf({"requests_per_connection_max"},
               IntegerLeaf(server.requests_per_connection_max, 1, 1'000'000'000, unlimited));
  visitor.leaf({"drain_timeout"}, DurationLeaf(server.drain_timeout, 0s, 1h));
  visitor.leaf({"drain_delay"}, DurationLeaf(server.drain_delay, 0s, 10min));
  visitor.leaf({"drain_grace"}, DurationLeaf(server.drain_grace, 0ms, 1min));
  visitor.leaf({"trust_forwarded"}, BoolLeaf(server.trust_forwarded));
  visitor.leaf({"forwarded_hops"},
               IntegerLeaf(server.forwarded_hops, 1, ServerSettings::forwarded_hops_max));
  visitor.leaf({"via"}, BoolLeaf(server.via));
  visitor.leaf({"header_underscores"}, BoolLeaf(server.header_underscores));
  visitor.end();
}

void visit_upstream(Visitor& visitor, UpstreamSettings& upstream) {
  visitor.begin({"upstream"});
  visitor.leaf({"url"}, TargetListLeaf(upstream.targets));
  visitor.leaf({"connect_timeout"}, DurationLeaf(upstream.connect_timeout, 10ms, 1min));
  visitor.leaf({"timeout"}, DurationLeaf(upstream.timeout, 10ms, 24h));
  visitor.leaf({"body_timeout"}, DurationLeaf(upstream.body_timeout, 10ms, 24h));
  visitor.leaf({"connections_max"}, IntegerLeaf(upstream.connections_max, 1, 100'000));
  visitor.leaf({"idle_connections_max"}, IntegerLeaf(upstream.idle_connections_max, 0, 10'000));
  visitor.leaf({"idle_timeout"}, DurationLeaf(upstream.idle_timeout, 1s, 1h));
  visitor.leaf({"retries"}, IntegerLeaf(upstream.retries, 0, 5));
  visitor.leaf({"finish_abandoned"}, BoolLeaf(upstream.finish_abandoned));
  visitor.leaf({"preserve_host"}, BoolLeaf(upstream.preserve_host));
  visitor.leaf({"resolve_interval"}, DurationLeaf(upstream.resolve_interval, 1s, 1h, "never"));
  visit_retry_budget(visitor, upstream.retry_budget);
  visit_breaker(visitor, upstream.breaker);
  visit_outliers(visitor, upstream.outliers);
  visit_health(visitor, upstream.health);
  visitor.end();
}

void visit_admin(Visitor& visitor, AdminSettings& admin) {
  visitor.begin({"admin"});
  visitor.leaf({"listen", Apply::restart}, AddressLeaf(admin.listen));
  visitor.leaf({"tokens", Apply::restart},
               RowsLeaf<AdminToken>(admin.tokens, tokens_max, visit_token, check_token));
  visitor.leaf({"open_probes", Apply::restart}, BoolLeaf(admin.open_probes));
  visitor.leaf({"allow_injection", Apply::restart}, BoolLeaf(admin.allow_injection));
  visitor.leaf({"connections_max", Apply::restart}, IntegerLeaf(admin.connections_max, 1, 10'000));
  visitor.end();
}

}  // namespace homeostat::config
