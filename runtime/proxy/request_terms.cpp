#include "runtime/proxy/request_terms.hpp"

#include <bitset>
#include <optional>
#include <span>
#include <string>

#include "runtime/http/head_writer.hpp"
#include "runtime/ports/request_match.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/client_identity.hpp"
#include "runtime/proxy/failure_response.hpp"
#include "runtime/proxy/paging.hpp"
#include "runtime/proxy/worker.hpp"
#include "runtime/tier/shared_rates.hpp"

namespace homeostat::proxy {
namespace {

/// Who asks, worked out when the first limit wants to know.
class Asker {
 public:
  explicit Asker(ClientConnection& connection) : connection_(connection) {}
  /// With the fleet's secret.
  Asker(ClientConnection& connection, std::uint64_t secret)
      : connection_(connection), secret_(secret) {}

  [[nodiscard]] std::uint64_t client() {
    if (client_ == 0) {
      const RequestContext& request = connection_.request();
      client_ = client_key(request.head().headers, request.config->server(), address(), secret_);
    }
    return client_;
  }
  [[nodiscard]] std::uint64_t tenant() {
    if (tenant_ == 0) {
      const RequestContext& request = connection_.request();
      tenant_ = tenant_key(request.head().headers, request.config->settings().admission.tenant,
                           client(), secret_);
    }
    return tenant_;
  }

  [[nodiscard]] std::uint64_t secret() const noexcept { return secret_; }

 private:
  [[nodiscard]] std::uint64_t address() const {
    if (secret_ == process_secret()) return connection_.address_key();
    return address_key(connection_.client_address(), secret_);
  }

  ClientConnection& connection_;
  const std::uint64_t secret_ = process_secret();
  std::uint64_t client_ = 0, tenant_ = 0;
};

/// The endpoint. One that telemetry has not learned yet, or has no room for,
/// counts by its path: strangers must not use up what belongs to all others. A
/// spelling of its own is no route of its own.
rules::EndpointId endpoint_of(ClientConnection& connection) {
  const RequestContext& request = connection.request();
  if (request.path_readings.empty()) return request.endpoint;
  return connection.worker().telemetry().endpoint(request.head().method_text,
                                                  request.read_path().resolved());
}

std::uint64_t route_of(ClientConnection& connection) {
  const rules::EndpointId endpoint = endpoint_of(connection);
  if (endpoint != telemetry::other_endpoint) return endpoint;
  const RequestContext& request = connection.request();
  return combined_key(identity_key(request.head().method_text),
                      identity_key(request.read_path().resolved()));
}

std::uint64_t bucket_of(const RateLimit& limit, ClientConnection& connection, Asker& asker) {
  std::uint64_t key = limit.salt;
  if (limit.per.client) key = combined_key(key, asker.client());
  if (limit.per.tenant) key = combined_key(key, asker.tenant());
  if (limit.per.route) key = combined_key(key, route_of(connection));
  return key;
}

/// The same in all agents, where endpoints have other numbers.
std::uint64_t fleet_name_of(const RateLimit& limit, ClientConnection& connection, Asker& asker) {
  const std::uint64_t secret = asker.secret();
  const auto named = [secret](std::string_view text) { return identity_key(text, secret); };
  const auto with = [secret](std::uint64_t a, std::uint64_t b) {
    return combined_key(a, b, secret);
  };
  std::uint64_t name = with(named(limit.counters->name), rules::rate_key(limit.rate));
  if (limit.per.client) name = with(name, asker.client());
  if (limit.per.tenant) name = with(name, asker.tenant());
  if (!limit.per.route) return name;
  const RequestContext& request = connection.request();
  const rules::EndpointId endpoint = endpoint_of(connection);
  if (endpoint == telemetry::other_endpoint) {
    return with(name,
                with(named(request.head().method_text), named(request.read_path().resolved())));
  }
  const telemetry::EndpointName route =
      connection.worker().services().telemetry.endpoints().name(endpoint);
  return with(name, with(named(route.method), named(route.route)));
}

/// Whatever reading of its path the limit is about.
bool concerns(const RateLimit& limit, const RequestContext& request) {
  bool found = false;
  request.read_path().each([&](std::string_view path) {
    found = found || matches(limit.match, request.head().method_text, path);
  });
  return found;
}

/// Adds a limit to the two lists of draft-ietf-httpapi-ratelimit-headers-11.
void append_items(const RateLimit& limit, const rules::RateVerdict& verdict, std::string& policies,
                  std::string& values) {
  if (!limit.advertise || limit.shadow) return;
  const std::string_view comma = policies.empty() ? "" : ", ";
  policies += comma;
  policies += limit.policy;
  values += comma;
  values += '"';
  values += limit.counters->name;
  values += "\";r=";
  http::append_number(values, static_cast<std::uint64_t>(verdict.remaining));
  values += ";t=";
  http::append_number(values, static_cast<std::uint64_t>(rules::rate_window(limit.rate, verdict)));
}

/// Turns the two lists into header lines, in the place of the first.
void make_lines(std::string& policies, std::string& values) {
  if (policies.empty()) return;
  policies.insert(0, "RateLimit-Policy: ");
  policies += "\r\nRateLimit: ";
  policies += values;
  policies += "\r\n";
}

using Limits = std::span<const RateLimit>;
using Taken = std::bitset<config::AdmissionSettings::rate_limits_max>;

/// What is refused uses up nothing of the other limits.
void give_back(Limits limits, const Taken& taken, ClientConnection& connection, Asker& asker) {
  gate::BucketTable& buckets = connection.worker().services().gate.buckets();
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!taken[i]) continue;
    buckets.give_back(bucket_of(limits[i], connection, asker), limits[i].rate);
  }
}

/// What was let through counts for all agents, where there is a fleet.
void tell_fleet(Limits limits, const Taken& taken, ClientConnection& connection, Asker& asker) {
  tier::SharedRates* const fleet = connection.worker().shared_rates();
  if (fleet == nullptr || taken.none()) return;
  const std::optional<std::uint64_t> secret = fleet->secret();
  if (!secret) return;
  Asker known(connection, *secret);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!taken[i] || !limits[i].shared) continue;
    fleet->note(bucket_of(limits[i], connection, asker),
                fleet_name_of(limits[i], connection, known), limits[i].rate);
  }
}

}  // namespace

bool within_rate_limits(ClientConnection& connection) {
  RequestContext& request = connection.request();
  const Limits limits = request.config->admission().rate_limits();
  if (limits.empty()) return true;
  Worker& worker = connection.worker();
  gate::BucketTable& buckets = worker.services().gate.buckets();
  Asker asker(connection);
  Taken taken;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const RateLimit& limit = limits[i];
    if (!concerns(limit, request)) continue;
    const rules::RateVerdict verdict =
        buckets.take(bucket_of(limit, connection, asker), limit.rate, request.started);
    taken[i] = verdict.allowed;
    if (verdict.allowed) {
      append_items(limit, verdict, request.limit_fields, request.limit_values);
      continue;
    }
    worker.gate().rate_limited(*limit.counters, request.priority_class, limit.shadow);
    if (limit.shadow) continue;
    give_back(limits, taken, connection, asker);
    request.limit_fields.clear();
    request.limit_values.clear();
    append_items(limit, verdict, request.limit_fields, request.limit_values);
    make_lines(request.limit_fields, request.limit_values);
    send_rate_rejection(connection, *limit.counters,
                        rules::rate_retry_after(verdict.wait, worker.gate().random_unit()));
    return false;
  }
  tell_fleet(limits, taken, connection, asker);
  make_lines(request.limit_fields, request.limit_values);
  return true;
}

namespace {

/// What is too much about a request, in words; empty: nothing.
std::string excess_of(const PageRequest& asked, const PageLimit& limit) {
  struct Part {
    const char* name;
    std::optional<std::uint64_t> asked;
    std::uint64_t most;
  };
  for (const Part& part : {Part{"the page", asked.page, limit.page_max},
                           Part{"the offset", asked.offset, limit.offset_max},
                           Part{"the size of the page", asked.size, limit.size_max}}) {
    if (part.most > 0 && part.asked.value_or(0) > part.most) {
      return std::string(part.name) + " is above " + std::to_string(part.most);
    }
  }
  return {};
}

}  // namespace

bool within_page_limits(ClientConnection& connection) {
  RequestContext& request = connection.request();
  const auto limits = request.config->admission().page_limits();
  if (limits.empty() || request.target.query.empty()) return true;
  const PageRequest asked = page_request_of(request.target.query);
  const PageLimit* limit = nullptr;
  std::string excess;
  request.read_path().each([&](std::string_view path) {
    const PageLimit* found = first_match(limits, request.head().method_text, path);
    if (found == nullptr || !excess.empty()) return;
    limit = found;
    excess = excess_of(asked, *found);
  });
  if (excess.empty()) return true;
  (limit->shadow ? limit->counters->would_reject : limit->counters->rejected).fetch_add(1);
  if (limit->shadow) return true;
  send_page_rejection(connection, *limit->counters, excess);
  return false;
}

void settle_terms(ClientConnection& connection) {
  RequestContext& request = connection.request();
  AdmissionTerms& terms = request.terms;
  if (terms.settled) return;
  terms.settled = true;
  const AdmissionRules& rules = request.config->admission();
  const std::string_view method = request.head().method_text;
  const http::ReadPath path = request.read_path();
  terms.weight = rules.weight(method, path);
  terms.cap = rules.cap(method, path);
  terms.stream = rules.stream(method, path);
  if (rules.mode() == config::LoopMode::off) return;
  Worker& worker = connection.worker();
  unsigned invalid = 0;
  std::optional<Duration> left =
      rules.client_time_left(request.head().headers, worker.wall_now(), invalid);
  if (invalid > 0) {
    worker.counters().deadline_fields_invalid.fetch_add(invalid, std::memory_order_relaxed);
  }
  const std::optional<Duration> within = rules.within(method, path);
  if (within && (!left || *within < *left)) left = within;
  if (left) terms.deadline = request.started + *left;
  if (request.config->settings().admission.tenant.fair_queue) {
    terms.tenant = Asker(connection).tenant();
  }
}

}  // namespace homeostat::proxy
