#include "runtime/admin/audit.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

namespace homeostat::admin {

namespace {

constexpr std::size_t text_bytes_max = 500;

std::shared_ptr<spdlog::logger> audit_logger() {
  if (auto logger = spdlog::get("audit")) return logger;
  if (auto logger = spdlog::get("homeostat")) return logger;
  return spdlog::default_logger();
}

}  // namespace

std::string log_safe(std::string_view text) {
  std::string out(text.substr(0, text_bytes_max));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f || c == '"' || c == '\\';
      },
      '?');
  return out;
}

void AuditLog::record(const Call& call, const AuditEntry& entry) {
  counter_.fetch_add(1, std::memory_order_relaxed);
  audit_logger()->info(
      "audit action={} target=\"{}\" who=\"{}\" peer={} reason=\"{}\" affected={} "
      "correlation_id={}",
      entry.action, log_safe(entry.target), log_safe(call.who), call.request.peer,
      log_safe(entry.reason), entry.affected, call.correlation_id);
  if (events_ == nullptr) return;
  events_->publish(Event(std::string(entry.event), clock_.wall_now())
                       .with("action", std::string(entry.action))
                       .with("target", entry.target)
                       .with("reason", entry.reason)
                       .with("affected", static_cast<std::int64_t>(entry.affected))
                       .with("who", call.who)
                       .with("correlation_id", call.correlation_id));
}

}  // namespace homeostat::admin
