#include "runtime/proxy/admission_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/http/deadline_field.hpp"
#include "runtime/ports/request_match.hpp"
#include "runtime/proxy/client_identity.hpp"

namespace homeostat::proxy {
namespace {

using config::LoopMode;

constexpr std::uint8_t class_normal = 2;

/// While all of admission is in shadow, so is each limit.
bool is_shadow(LoopMode mode, LoopMode admission) noexcept {
  return mode == LoopMode::shadow || admission == LoopMode::shadow;
}

}  // namespace

AdmissionRules::AdmissionRules(const config::AdmissionSettings& settings, gate::Gate& gate)
    : mode_(gate.mode()),
      priorities_(settings.priorities),
      weights_(settings.weights),
      streams_(settings.streams),
      routes_(settings.deadlines.routes) {
  for (const config::ConcurrencyCapRule& rule : settings.concurrency_caps) {
    if (rule.mode == LoopMode::off) continue;
    caps_.push_back(
        {rule.match, {&gate.caps().of(rule.name), rule.max, is_shadow(rule.mode, mode_)}});
  }
  for (const config::DeadlineField& field : settings.deadlines.fields) {
    deadline_fields_.push_back({http::header_id(field.name), field.name, field.format});
  }
  for (const config::PageLimitRule& rule : settings.page_limits) {
    if (rule.mode == LoopMode::off) continue;
    page_limits_.push_back({rule.match, rule.page_max, rule.offset_max, rule.size_max,
                            &gate.page_limits().of(rule.name), is_shadow(rule.mode, mode_)});
  }
  add_rate_limits(settings, gate);
}

void AdmissionRules::add_rate_limits(const config::AdmissionSettings& settings, gate::Gate& gate) {
  for (const config::RateLimitRule& rule : settings.rate_limits) {
    if (rule.mode == LoopMode::off) continue;
    const auto burst = static_cast<std::int64_t>(rule.burst > 0 ? static_cast<double>(rule.burst)
                                                                : rule.rate.requests);
    RateLimit limit{.match = rule.match,
                    .per = rule.per,
                    .rate = rules::request_rate(rule.rate.requests, rule.rate.period, burst),
                    .counters = &gate.rate_limits().of(rule.name),
                    .shadow = is_shadow(rule.mode, mode_),
                    .advertise = rule.advertise,
                    .shared = rule.shared,
                    .policy = fmt::format("\"{}\";q={:.0f};w={}", rule.name, rule.rate.requests,
                                          rule.rate.period.count())};
    limit.salt = combined_key(identity_key(rule.name), rules::rate_key(limit.rate));
    if (rule.burst > 0) limit.policy += fmt::format(";homeostat-burst={}", rule.burst);
    rate_limits_.push_back(std::move(limit));
  }
}

std::uint8_t AdmissionRules::priority_class(std::string_view method,
                                            const http::ReadPath& path) const noexcept {
  std::uint8_t worst = rules::critical_class;
  path.each([&](std::string_view reading) {
    const config::PriorityRule* rule = first_match(priorities_, method, reading);
    worst = std::max(worst, rule != nullptr ? rule->priority_class : class_normal);
  });
  return worst;
}

std::uint32_t AdmissionRules::weight(std::string_view method,
                                     const http::ReadPath& path) const noexcept {
  std::uint32_t most = 1;
  path.each([&](std::string_view reading) {
    if (const config::WeightRule* rule = first_match(weights_, method, reading)) {
      most = std::max(most, rule->weight);
    }
  });
  return most;
}

bool AdmissionRules::stream(std::string_view method, const http::ReadPath& path) const noexcept {
  if (streams_.empty()) return false;
  bool all = true;
  path.each([&](std::string_view reading) {
    all = all && first_match(streams_, method, reading) != nullptr;
  });
  return all;
}

gate::ConcurrencyCap AdmissionRules::cap(std::string_view method,
                                         const http::ReadPath& path) const noexcept {
  const Cap* least = nullptr;
  path.each([&](std::string_view reading) {
    const Cap* rule = first_match(caps_, method, reading);
    if (rule != nullptr && (least == nullptr || rule->cap.places < least->cap.places)) least = rule;
  });
  return least != nullptr ? least->cap : gate::ConcurrencyCap{};
}

std::optional<Duration> AdmissionRules::within(std::string_view method,
                                               const http::ReadPath& path) const noexcept {
  std::optional<Duration> least;
  path.each([&](std::string_view reading) {
    const config::DeadlineRoute* route = first_match(routes_, method, reading);
    if (route != nullptr && (!least || route->within < *least)) least = route->within;
  });
  return least;
}

std::optional<config::DeadlineFormat> AdmissionRules::deadline_format(
    const http::Field& field) const noexcept {
  for (const DeadlineField& known : deadline_fields_) {
    const bool same = known.id == field.id &&
                      (known.id != http::HeaderId::other || http::iequals(known.name, field.name));
    if (same) return known.format;
  }
  return std::nullopt;
}

std::optional<Duration> AdmissionRules::client_time_left(const http::HeaderTable& fields,
                                                         WallTime now,
                                                         unsigned& invalid) const noexcept {
  std::optional<Duration> least;
  for (const DeadlineField& known : deadline_fields_) {
    const http::Field* field =
        known.id != http::HeaderId::other ? fields.find(known.id) : fields.find(known.name);
    if (field == nullptr) continue;
    const std::optional<Duration> left = http::time_left(known.format, field->value, now);
    if (!left) {
      ++invalid;
    } else if (!least || *left < *least) {
      least = left;
    }
  }
  return least;
}

}  // namespace homeostat::proxy
