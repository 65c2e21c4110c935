#include "runtime/cache/fetch_end.hpp"

#include <algorithm>
#include <optional>

#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"
#include "runtime/http/date.hpp"

namespace homeostat::cache {
namespace {

/// RFC 9110 section 10.2.3: seconds or a date. Nothing if absent or neither.
std::optional<Duration> retry_after(const Fields& fields, WallTime now) noexcept {
  const http::Field* field = fields.find(http::HeaderId::retry_after);
  if (field == nullptr) return std::nullopt;
  if (const auto seconds = http::parse_decimal(field->value)) {
    return std::chrono::seconds(std::min<std::uint64_t>(*seconds, http::delta_seconds_max));
  }
  const std::optional<WallTime> at = http::parse_date(field->value, now);
  if (!at) return std::nullopt;
  return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(*at - now));
}

bool about_the_resource(int status) noexcept {
  return status == 401 || status == 403 || status == 404 || status == 410 || status == 451;
}

}  // namespace

FetchEnd fetch_end_of(int status, const Fields& fields, WallTime now) noexcept {
  FetchEnd end;
  if (status == 429 || status == 503) {
    const std::optional<Duration> told = retry_after(fields, now);
    const bool throttled = status == 429 || told.has_value();
    end.report.outcome = throttled ? rules::FetchOutcome::throttled : rules::FetchOutcome::failure;
    end.report.retry_after = told.value_or(Duration::zero());
  } else if (status == 500 || status == 502 || status == 504) {
    end.report.outcome = rules::FetchOutcome::failure;
  } else if (status >= 400 && status < 500 && !about_the_resource(status)) {
    end.report.outcome = rules::FetchOutcome::refused;
  }
  return end;
}

}  // namespace homeostat::cache
