#include "runtime/app/demo/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace homeostat::demo {

namespace {

constexpr unsigned report_ids = 30;
constexpr unsigned catalog_ids = 10;
constexpr unsigned search_terms = 1000;

}  // namespace

Zipf::Zipf(unsigned count) {
  double total = 0;
  for (unsigned i = 0; i < count; ++i) cumulative_.push_back(total += 1.0 / (i + 1));
  for (double& value : cumulative_) value /= total;
}

unsigned Zipf::draw(double uniform) const noexcept {
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform);
  const auto index = static_cast<std::size_t>(found - cumulative_.begin());
  return static_cast<unsigned>(std::min(index, cumulative_.size() - 1));
}

ArrivalSchedule::ArrivalSchedule(Plan plan, std::uint64_t seed)
    : plan_(std::move(plan)), generator_(seed), reports_(report_ids), catalogs_(catalog_ids) {}

/// 53 random bits in [0, 1).
double ArrivalSchedule::uniform() noexcept {
  return static_cast<double>(generator_() >> 11) * 0x1.0p-53;
}

std::optional<Arrival> ArrivalSchedule::next() {
  while (phase_ < plan_.size()) {
    const Phase& phase = plan_[phase_];
    const double length = std::chrono::duration<double>(phase.length).count();
    // Gaps of a Poisson process are exponential; dropping the one that crosses
    // a phase's end is exact, because the process has no memory.
    in_phase_ += phase.rate > 0 ? -std::log1p(-uniform()) / phase.rate : length + 1;
    if (in_phase_ >= length) {
      phase_start_ += phase.length;
      ++phase_;
      in_phase_ = 0;
      continue;
    }
    Arrival arrival;
    arrival.at = phase_start_ +
                 std::chrono::duration_cast<Duration>(std::chrono::duration<double>(in_phase_));
    arrival.phase = phase_;
    double pick = uniform();
    std::size_t kind = 0;
    while (kind + 1 < request_kinds && pick >= request_shares[kind]) pick -= request_shares[kind++];
    arrival.kind = static_cast<RequestKind>(kind);
    const double which = uniform();
    switch (arrival.kind) {
      case RequestKind::report: arrival.item = reports_.draw(which); break;
      case RequestKind::catalog: arrival.item = catalogs_.draw(which); break;
      default: arrival.item = static_cast<unsigned>(which * search_terms); break;
    }
    return arrival;
  }
  return std::nullopt;
}

std::string request_bytes(RequestKind kind, unsigned item) {
  constexpr std::string_view common = "Host: shop.example\r\nAccept-Encoding: gzip\r\n";
  switch (kind) {
    case RequestKind::search:
      return fmt::format("GET /api/search?q=term{} HTTP/1.1\r\n{}\r\n", item, common);
    case RequestKind::report:
      return fmt::format("GET /api/report/{} HTTP/1.1\r\n{}\r\n", item, common);
    case RequestKind::catalog:
      return fmt::format("GET /api/catalog/{} HTTP/1.1\r\n{}\r\n", item, common);
    case RequestKind::checkout: break;
  }
  const std::string body = fmt::format(R"({{"basket":{}}})", item);
  return fmt::format(
      "POST /checkout HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      common, body.size(), body);
}

}  // namespace homeostat::demo
